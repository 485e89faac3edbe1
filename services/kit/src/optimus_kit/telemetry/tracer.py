"""Spans of our own code, as lean as they can be: a few fields, encoded only when they are sent.

A span of the SDK locks, copies and checks at each attribute; docs/benchmarks/telemetry.md has what a request pays here.
"""

from collections.abc import Callable, Mapping, Sequence
from time import time_ns
from typing import Protocol

from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS, bounded
from optimus_kit.telemetry.sampling import Sampling
from optimus_kit.telemetry.span_data import SpanData
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id, parse_traceparent
from optimus_kit.tracing import CONTENT_CHARACTERS, Attributes, Kind, Unrecorded, Value


class Bridge(Protocol):
    """What tells the instrumentations of other libraries which span is current."""

    def enter(self, context: TraceContext | None, *, remote: bool) -> object:
        """Make a span theirs, None to have them record nothing; return what `leave` takes."""

    def leave(self, token: object) -> None:
        """Make theirs what was before."""


class Bridging:
    """Has the bridge, if there is one: spans ask for it each time, since it may come later."""

    bridge: Bridge | None = None


class _Silent(Unrecorded):
    """A span that is not kept, and whose absence keeps other libraries from making spans of their own."""

    __slots__ = ("_bridging",)

    def __init__(self, context: TraceContext, bridging: Bridging) -> None:
        super().__init__(context)
        self._bridging = bridging

    def activate(self) -> object:
        return bridge.enter(None, remote=False) if (bridge := self._bridging.bridge) else None

    def deactivate(self, token: object) -> None:
        if token is not None and (bridge := self._bridging.bridge):
            bridge.leave(token)


class _Adopted(_Silent):
    """A span of another process, as the parent of spans of this one."""

    __slots__ = ()

    def activate(self) -> object:
        return bridge.enter(self.context, remote=True) if (bridge := self._bridging.bridge) else None


class RecordedSpan:
    """A span that is kept; once it has ended, it is a `SpanData`. Used by one task at a time."""

    __slots__ = (
        "_bridging",
        "_put",
        "attributes",
        "context",
        "ended",
        "failed",
        "kind",
        "links",
        "message",
        "name",
        "parent_id",
        "remote",
        "started",
    )
    recording = True

    def __init__(
        self,
        name: str,
        kind: Kind,
        context: TraceContext,
        parent: tuple[str, bool],
        links: Sequence[TraceContext],
        put: Callable[[SpanData], None],
        bridging: Bridging,
    ) -> None:
        self.context = context
        self.name = name
        self.kind = kind
        self.parent_id, self.remote = parent
        self.attributes: dict[str, Value] = {}
        self.links = links
        self.failed = False
        self.message = ""
        self._put = put
        self._bridging = bridging
        self.ended = 0
        self.started = time_ns()

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        """Set an attribute; None sets none."""
        attributes = self.attributes
        if value is not None and not self.ended and len(attributes) < MAX_ATTRIBUTES:
            attributes[key] = bounded(value, CONTENT_CHARACTERS if content else MAX_CHARACTERS)

    def update(self, attributes: Mapping[str, Value | None]) -> None:
        """Set several attributes; None sets none."""
        own = self.attributes
        if self.ended:
            return
        for key, value in attributes.items():
            if value is not None and len(own) < MAX_ATTRIBUTES:
                own[key] = value if isinstance(value, str) and len(value) <= MAX_CHARACTERS else bounded(value)

    def error(self, kind: str, message: str = "") -> None:
        """Mark it failed."""
        if not self.ended:
            self.attributes.setdefault("error.type", kind)
            self.failed, self.message = True, message[:MAX_CHARACTERS]

    def link(self, traceparent: str) -> None:
        """Name a span that it has to do with; a malformed traceparent is left out."""
        found = parse_traceparent(traceparent)
        if found is not None and not self.ended:
            self.links = (*self.links, found)

    def rename(self, name: str) -> None:
        """Give it another name."""
        if not self.ended:
            self.name = name

    def end(self) -> None:
        """End it."""
        if not self.ended:
            self.ended = time_ns()
            self._put(self)

    def activate(self) -> object:
        """Make it the parent of what instrumentations record."""
        return bridge.enter(self.context, remote=False) if (bridge := self._bridging.bridge) else None

    def deactivate(self, token: object) -> None:
        """Undo that."""
        if token is not None and (bridge := self._bridging.bridge):
            bridge.leave(token)


class SpanTracer(Bridging):
    """Starts spans, and hands those that ended to the queue.

    Args:
        sampling: which traces are kept.
        put: takes an ended span.
    """

    def __init__(self, sampling: Sampling, put: Callable[[SpanData], None]) -> None:
        self._sampling = sampling
        self._put = put

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
    ) -> RecordedSpan | Unrecorded:
        """Start a span, see `optimus_kit.tracing.Tracer`."""
        if parent is not None:
            trace_id = parent.trace_id
        elif trace_id is None:
            trace_id = new_trace_id()
        kept = self._sampling.keeps(trace_id, parent.sampled if parent else None)
        context = TraceContext(trace_id, new_span_id(), kept, parent.state if parent else "")
        if not kept:
            return _Silent(context, self)
        above = (parent.span_id, remote) if parent else ("", False)
        span = RecordedSpan(name, kind, context, above, links, self._put, self)
        if attributes:
            span.update(attributes)
        return span

    def adopt(self, context: TraceContext) -> Unrecorded:
        """Return what stands for a span of another process."""
        kept = self._sampling.keeps(context.trace_id, context.sampled)
        return _Adopted(context, self) if kept else _Silent(context, self)

    def silent(self, context: TraceContext) -> Unrecorded:
        """Return what is not kept, and keeps other libraries from recording."""
        return _Silent(context, self)
