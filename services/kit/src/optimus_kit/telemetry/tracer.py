"""Spans of our own code, as lean as they can be: a few fields, and attributes that are encoded as they are set.

A span of the SDK locks, copies and checks at each attribute; docs/benchmarks/telemetry.md has what a request pays here.
"""

from collections.abc import Callable, Mapping, Sequence
from time import time_ns
from typing import Protocol

from optimus_kit.telemetry.attributes import SHORT, encode_attribute, encode_shared, short_texts
from optimus_kit.telemetry.encoder import encode_span
from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS, bounded
from optimus_kit.telemetry.sampling import Sampling
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id, parse_traceparent
from optimus_kit.tracing import CONTENT_CHARACTERS, Attributes, Kind, SharedAttributes, Unrecorded, Value


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
        "_tracer",
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
        parent_id: str,
        remote: bool,
        links: Sequence[TraceContext],
        tracer: "SpanTracer",
    ) -> None:
        self.context = context
        self.name = name
        self.kind = kind
        self.parent_id = parent_id
        self.remote = remote
        self.attributes: dict[str, bytes] = {}
        self.links = links
        self.failed = False
        self.message = ""
        self._tracer = tracer
        self.ended = 0
        self.started = time_ns()

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        """Set an attribute; None sets none."""
        attributes = self.attributes
        if value is not None and not self.ended and len(attributes) < MAX_ATTRIBUTES:
            attributes[key] = encode_attribute(key, bounded(value, CONTENT_CHARACTERS if content else MAX_CHARACTERS))

    def update(self, attributes: Mapping[str, Value | None]) -> None:
        """Set several attributes; None sets none."""
        own = self.attributes
        if self.ended:
            return
        if type(attributes) is SharedAttributes:
            own.update(encode_shared(attributes))
        else:
            for key, value in attributes.items():
                if type(value) is str and len(value) <= SHORT:
                    own[key] = short_texts[key, value]
                elif type(value) is int:
                    own[key] = encode_attribute(key, value)
                elif value is not None:
                    own[key] = encode_attribute(key, bounded(value))
        while len(own) > MAX_ATTRIBUTES:
            own.popitem()

    def error(self, kind: str, message: str = "") -> None:
        """Mark it failed."""
        if not self.ended:
            if "error.type" not in self.attributes:
                self.set("error.type", kind)
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
            self._tracer.put(encode_span(self))

    def activate(self) -> object:
        """Make it the parent of what instrumentations record."""
        return bridge.enter(self.context, remote=False) if (bridge := self._tracer.bridge) else None

    def deactivate(self, token: object) -> None:
        """Undo that."""
        if token is not None and (bridge := self._tracer.bridge):
            bridge.leave(token)


class SpanTracer(Bridging):
    """Starts spans, and hands those that ended to the queue.

    Args:
        sampling: which traces are kept.
        put: takes an encoded span.
    """

    def __init__(self, sampling: Sampling, put: Callable[[bytes], None]) -> None:
        self._sampling = sampling
        self.put = put

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
        if parent is None:
            trace_id = trace_id or new_trace_id()
            above, state, sampled, remote = "", "", None, False
        else:
            trace_id, above, sampled, state = parent
        kept = self._sampling.keeps(trace_id, sampled)
        # A named tuple's own constructor takes twice as long.
        context = tuple.__new__(TraceContext, (trace_id, new_span_id(), kept, state))
        if not kept:
            return _Silent(context, self)
        span = RecordedSpan(name, kind, context, above, remote, links, self)
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
