"""Spans of our own code, as lean as they can be: a few fields, made into the SDK's form only when they have ended.

A span of the SDK locks, copies and checks at each attribute. What both cost has not been measured in a report yet.
"""

from collections.abc import Callable, Sequence
from time import time_ns
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from optimus_kit.telemetry.context import SILENT, enter, leave
from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS, bounded
from optimus_kit.telemetry.sampling import Sampling
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id, parse_traceparent
from optimus_kit.tracing import CONTENT_CHARACTERS, NOWHERE, Attributes, Kind, Unrecorded, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: "Mapping[Kind, SpanKind]" = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
SCOPE = InstrumentationScope("optimus_kit")
UNSET = Status(StatusCode.UNSET)


def sdk_context(context: TraceContext, *, remote: bool) -> SpanContext:
    """Return the SDK's form of a sampled context."""
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), remote, SAMPLED)


class _Silent(Unrecorded):
    """A span that is not kept, and whose absence keeps other libraries from making spans of their own."""

    __slots__ = ()

    def activate(self) -> object:
        return enter(SILENT)

    def deactivate(self, token: object) -> None:
        leave(token)


class _Adopted(Unrecorded):
    """A span of another process, as the parent of spans of this one."""

    __slots__ = ()

    def activate(self) -> object:
        return enter(set_span_in_context(NonRecordingSpan(sdk_context(self.context, remote=True)), Context()))

    def deactivate(self, token: object) -> None:
        leave(token)


class RecordedSpan:
    """A span that is kept. Used by one task at a time."""

    __slots__ = (
        "_attributes",
        "_ended",
        "_kind",
        "_links",
        "_name",
        "_parent",
        "_put",
        "_started",
        "_status",
        "context",
    )
    recording = True

    def __init__(
        self,
        name: str,
        kind: Kind,
        context: TraceContext,
        parent: tuple[TraceContext, bool] | None,
        attributes: Attributes | None,
        links: Sequence[TraceContext],
        put: "Callable[[RecordedSpan], None]",
    ) -> None:
        self.context = context
        self._name = name
        self._kind = kind
        self._parent = parent
        self._attributes: dict[str, Value] = {}
        self._links = links
        self._put = put
        self._status = UNSET
        self._ended = 0
        if attributes:
            for key, value in attributes.items():
                self.set(key, value)
        self._started = time_ns()

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        """Set an attribute; None sets none."""
        if value is not None and not self._ended and len(self._attributes) < MAX_ATTRIBUTES:
            self._attributes[key] = bounded(value, CONTENT_CHARACTERS if content else MAX_CHARACTERS)

    def error(self, kind: str, message: str = "") -> None:
        """Mark it failed."""
        if not self._ended:
            self._attributes.setdefault("error.type", kind)
            self._status = Status(StatusCode.ERROR, str(bounded(message)) or None)

    def link(self, traceparent: str) -> None:
        """Name a span that it has to do with; a malformed traceparent is left out."""
        found = parse_traceparent(traceparent)
        if found is not None and not self._ended:
            self._links = (*self._links, found)

    def rename(self, name: str) -> None:
        """Give it another name."""
        if not self._ended:
            self._name = name

    def end(self) -> None:
        """End it."""
        if not self._ended:
            self._ended = time_ns()
            self._put(self)

    def activate(self) -> object:
        """Make it the parent of what instrumentations record."""
        # An empty context, not the current one: nothing of another request is taken along.
        return enter(set_span_in_context(NonRecordingSpan(sdk_context(self.context, remote=False)), Context()))

    def deactivate(self, token: object) -> None:
        """Undo that."""
        leave(token)

    def readable(self, resource: Resource) -> ReadableSpan:
        """Return it in the SDK's form."""
        parent = self._parent
        return ReadableSpan(
            name=self._name,
            context=sdk_context(self.context, remote=False),
            parent=sdk_context(parent[0], remote=parent[1]) if parent else None,
            resource=resource,
            attributes=self._attributes,
            links=[Link(sdk_context(link, remote=True)) for link in self._links],
            kind=KINDS[self._kind],
            status=self._status,
            start_time=self._started,
            end_time=self._ended,
            instrumentation_scope=SCOPE,
        )


class SpanTracer:
    """Starts spans, and hands those that ended to the queue.

    Args:
        sampling: which traces are kept.
        resource: whose spans these are.
        put: takes an ended span.
    """

    def __init__(self, sampling: Sampling, resource: Resource, put: Callable[[ReadableSpan], None]) -> None:
        self._sampling = sampling
        self._resource = resource
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
            return _Silent(context)
        return RecordedSpan(name, kind, context, (parent, remote) if parent else None, attributes, links, self._ended)

    def adopt(self, context: TraceContext) -> Unrecorded:
        """Return what stands for a span of another process."""
        return _Adopted(context) if self._sampling.keeps(context.trace_id, context.sampled) else _Silent(context)

    def nowhere(self) -> Unrecorded:
        """Return what keeps other libraries from recording."""
        return _Silent(NOWHERE.context)

    def _ended(self, span: RecordedSpan) -> None:
        self._put(span.readable(self._resource))
