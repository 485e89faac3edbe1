"""Spans and the ids of the trace that is worked on: what services use, whether telemetry is on or off.

Nothing of OpenTelemetry is imported here. Off (no tracer is installed), spans record nothing, and only the ids of the
request are carried: for the header X-Trace-Id, log lines and requests that are made inside the platform.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Protocol

from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id, parse_traceparent

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value]
CONTENT_CHARACTERS = 16_384


class SharedAttributes(dict[str, Value]):
    """Attributes that many spans have alike, so that they are encoded once. Never changed after it is made.

    Args:
        attributes: by name; None stands for none.

    Attributes:
        encoded: what spans are made of when they are sent; kept here by whoever encodes it.
    """

    __slots__ = ("encoded",)

    def __init__(self, attributes: Mapping[str, Value | None]) -> None:
        super().__init__({key: value for key, value in attributes.items() if value is not None})
        self.encoded: Mapping[str, bytes] | None = None


class Span(Protocol):
    """What happened from its start to its end. After its end nothing is changed any more."""

    @property
    def context(self) -> TraceContext:
        """Where it is in its trace."""

    @property
    def recording(self) -> bool:
        """Whether it is kept; if not, no attribute need be computed."""

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        """Set an attribute; None sets none. `content` may have CONTENT_CHARACTERS, others are cut much earlier."""

    def update(self, attributes: Mapping[str, Value | None]) -> None:
        """Set several at once, which costs less than one by one."""

    def error(self, kind: str, message: str = "") -> None:
        """Mark it failed.

        Args:
            kind: a word of few: the exception's class, the status, never text that a client sent.
            message: for people; never a secret or content.
        """

    def link(self, traceparent: str) -> None:
        """Name a span that it has to do with, such as an earlier attempt; a malformed one is left out."""

    def rename(self, name: str) -> None:
        """Give it another name, once more is known."""

    def end(self) -> None:
        """End it; a second time changes nothing."""

    def activate(self) -> object:
        """Make it what other libraries' spans belong to; returns what `deactivate` takes."""

    def deactivate(self, token: object) -> None:
        """Undo `activate`."""


class Tracer(Protocol):
    """What makes spans that are recorded; of `optimus_kit.telemetry`."""

    def start(
        self,
        name: str,
        kind: Kind,
        parent: TraceContext | None,
        *,
        remote: bool,
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
        trace_id: str | None = None,
    ) -> Span:
        """Start a span; where nothing is sampled, one that only carries ids.

        Args:
            name: low in variety: a route's template, never a path.
            kind: of the span.
            parent: the span it belongs to; None starts a trace.
            remote: the parent is another process's.
            attributes: known from the start.
            links: spans of other traces, or other attempts, that it has to do with.
            trace_id: of the trace to start, where it is given.
        """

    def adopt(self, context: TraceContext) -> Span:
        """Return a span that only stands for one of another process."""

    def silent(self, context: TraceContext) -> Span:
        """Return a span that is not kept, within which other libraries record nothing either."""


class Unrecorded:
    """A span that is not kept."""

    __slots__ = ("context",)
    recording = False

    def __init__(self, context: TraceContext) -> None:
        self.context = context

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        """Forget it."""

    def update(self, attributes: Mapping[str, Value | None]) -> None:
        """Forget them."""

    def error(self, kind: str, message: str = "") -> None:
        """Forget it."""

    def link(self, traceparent: str) -> None:
        """Forget it."""

    def rename(self, name: str) -> None:
        """Forget it."""

    def end(self) -> None:
        """Do nothing."""

    def activate(self) -> object:
        """Do nothing."""
        return None

    def deactivate(self, token: object) -> None:
        """Do nothing."""


class _Process:
    """What this process records spans with; set once, after the fork."""

    tracer: Tracer | None = None
    capture_content = False


_current: ContextVar[Span | None] = ContextVar("optimus_span", default=None)
NOWHERE = Unrecorded(TraceContext("", "", sampled=False))
"""Where no request is worked on."""


def install(tracer: Tracer | None, *, capture_content: bool = False) -> None:
    """Record spans with `tracer` from now on; None records none.

    Args:
        tracer: makes the spans.
        capture_content: whether what people and models write may be an attribute.
    """
    _Process.tracer = tracer
    _Process.capture_content = capture_content


def enabled() -> bool:
    """Tell whether spans are recorded at all."""
    return _Process.tracer is not None


def captures_content() -> bool:
    """Tell whether what people and models write may be an attribute (OTEL_CAPTURE_CONTENT)."""
    return _Process.capture_content


def current_span() -> Span:
    """Return the span that is worked on; one that records nothing where there is none."""
    return _current.get() or NOWHERE


def current_context() -> TraceContext | None:
    """Return where in which trace this is; None outside of any."""
    span = _current.get()
    return span.context if span else None


def current_traceparent() -> str | None:
    """Return what a message or request that is made here carries, sampled or not; None outside of any trace."""
    context = current_context()
    return context.traceparent if context else None


def trace_ids() -> tuple[str | None, str | None]:
    """Return trace id and span id for a log record."""
    context = current_context()
    return (context.trace_id, context.span_id) if context else (None, None)


def start_span(
    name: str,
    *,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    links: Sequence[str] = (),
    parent: str | None = None,
) -> Span:
    """Start a span that the caller ends, and that is not current: for work that is not one block, such as a stream.

    Args:
        name: low in variety.
        kind: of the span.
        attributes: known from the start.
        links: traceparents of related spans; malformed ones are left out.
        parent: a traceparent, of a message for instance; the current span if None or malformed.
    """
    given = parse_traceparent(parent) if parent else None
    now = _current.get()
    tracer = _Process.tracer
    if given is None and now is not None and (tracer is None or not now.context.sampled):
        return now
    context = given or (now.context if now else None)
    if tracer is None:
        return Unrecorded(context) if context else NOWHERE
    linked = tuple(found for link in links if (found := parse_traceparent(link))) if links else ()
    return tracer.start(name, kind, context, remote=given is not None, attributes=attributes, links=linked)


class use_span:  # noqa: N801 - used as a function is
    """Make a span current within a `with` block, without ending it; errors that leave the block are noted in it."""

    __slots__ = ("_inside", "_outside", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._outside: Span | None = None
        self._inside: object = None

    def __enter__(self) -> Span:
        """Begin."""
        # No token: a generator that ends elsewhere could not give it back.
        self._outside = _current.get()
        if self._span is not self._outside:
            _current.set(self._span if self._span.context.trace_id else None)
            self._inside = self._span.activate()
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End."""
        if self._span is self._outside:
            return
        if kind is not None and kind is not GeneratorExit:
            self._span.error(kind.__name__)
        self._span.deactivate(self._inside)
        _current.set(self._outside)


class span(use_span):  # noqa: N801 - used as a function is
    """A span of a `with` block: `with span("publish", kind="producer") as publishing`. Arguments as of `start_span`."""

    __slots__ = ()

    def __init__(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        attributes: Attributes | None = None,
        links: Sequence[str] = (),
        parent: str | None = None,
    ) -> None:
        super().__init__(start_span(name, kind=kind, attributes=attributes, links=links, parent=parent))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End."""
        super().__exit__(kind, error, _)
        if self._span is not self._outside:
            self._span.end()


def start_request(came_with: TraceContext | None, *, rootless: bool, probe: bool = False) -> Span:
    """Start the span of a request that has come in, whatever was current before.

    Args:
        came_with: the context in its headers.
        rootless: the balancer gave the trace id, and there is no span that this one belongs to.
        probe: asked by a machine every few seconds: never recorded.
    """
    tracer = _Process.tracer
    parent = None if rootless else came_with
    if probe:
        return _probe(came_with, tracer)
    if tracer is not None:
        trace_id = came_with.trace_id if came_with else None
        return tracer.start("HTTP", "server", parent, remote=True, trace_id=trace_id)
    if parent is not None:
        return Unrecorded(parent)
    return Unrecorded(_undecided(came_with))


def _probe(came_with: TraceContext | None, tracer: Tracer | None) -> Span:
    context = _undecided(came_with)
    return tracer.silent(context) if tracer is not None else Unrecorded(context)


def _undecided(came_with: TraceContext | None) -> TraceContext:
    """Make a context of a request that nothing is recorded of, and whose being kept nobody has decided."""
    return TraceContext(came_with.trace_id if came_with else new_trace_id(), new_span_id(), sampled=False)


@contextmanager
def attached(traceparent: str | None) -> Iterator[None]:
    """Work within a trace that a message carries, without a span of its own; None or a malformed one: as before."""
    context = parse_traceparent(traceparent) if traceparent else None
    if context is None:
        yield
        return
    tracer = _Process.tracer
    with use_span(tracer.adopt(context) if tracer else Unrecorded(context)):
        yield


@contextmanager
def suppress_instrumentation() -> Iterator[None]:
    """Have other libraries record nothing. What is current stays so, for log lines and spans of our own."""
    tracer = _Process.tracer
    if tracer is None:
        yield
        return
    silent = tracer.silent(NOWHERE.context)
    outside = silent.activate()
    try:
        yield
    finally:
        silent.deactivate(outside)
