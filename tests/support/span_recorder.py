"""Spans kept in memory, in place of telemetry: what services' own code records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from optimus_kit import tracing
from optimus_kit.trace_context import TraceContext, new_span_id, new_trace_id
from optimus_kit.tracing import Attributes, Kind, Unrecorded, Value


@dataclass
class KeptSpan:
    """A span; `failed` is the error's type."""

    name: str
    kind: Kind
    context: TraceContext
    parent: TraceContext | None
    attributes: dict[str, Value] = field(default_factory=dict)
    failed: str = ""
    links: list[str] = field(default_factory=list)
    ends: int = 0
    content: set[str] = field(default_factory=set)
    recording: bool = True

    def set(self, key: str, value: Value | None, *, content: bool = False) -> None:
        if value is not None:
            self.attributes[key] = value
        if content:
            self.content.add(key)

    def update(self, attributes: Mapping[str, Value | None]) -> None:
        for key, value in attributes.items():
            self.set(key, value)

    def error(self, kind: str, message: str = "") -> None:
        self.failed = self.failed or kind
        self.attributes["message"] = message

    def link(self, traceparent: str) -> None:
        self.links.append(traceparent)

    def rename(self, name: str) -> None:
        self.name = name

    def end(self) -> None:
        self.ends += 1

    def activate(self) -> object:
        return None

    def deactivate(self, token: object) -> None:
        pass


class SpanRecorder:
    """Records each span, sampled by its parent."""

    def __init__(self) -> None:
        self.spans: list[KeptSpan] = []

    def start(
        self,
        name: str,
        kind: Kind,
        parent: TraceContext | None,
        *,
        remote: bool,  # noqa: ARG002 - the protocol's signature
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
        trace_id: str | None = None,
    ) -> KeptSpan | Unrecorded:
        trace = parent.trace_id if parent else trace_id or new_trace_id()
        context = TraceContext(trace, new_span_id(), parent.sampled if parent else True, parent.state if parent else "")
        if not context.sampled:
            return Unrecorded(context)
        span = KeptSpan(name, kind, context, parent, dict(attributes or {}), links=[link.traceparent for link in links])
        self.spans.append(span)
        return span

    def adopt(self, context: TraceContext) -> Unrecorded:
        return Unrecorded(context)

    def silent(self, context: TraceContext) -> Unrecorded:
        return Unrecorded(context)


@contextmanager
def recording_spans(*, capture_content: bool = False) -> Iterator[list[KeptSpan]]:
    """The spans that this process records until the block ends, in the order in which they began."""
    recorder = SpanRecorder()
    tracing.install(recorder, capture_content=capture_content)
    try:
        yield recorder.spans
    finally:
        tracing.install(None)
