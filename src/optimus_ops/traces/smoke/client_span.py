"""The client's own span: the root of each trace, so that every parent is there, and a gauge of what the store keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from optimus_ops.traces.model import Span
from optimus_ops.traces.smoke.evidence import Exchange, TraceIds

SERVICE = "trace-smoke-test"
RUN = "optimus.smoke.run"
"""Attribute by which search finds the traces of one run."""
NAMESPACE = "service.namespace"
"""Attribute of the resource by which is told whether the store keeps resources."""
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class ClientSpan:
    """What the client exports about one request."""

    probe: str
    run: str
    method: str
    ids: TraceIds
    exchange: Exchange

    @property
    def name(self) -> str:
        """The span's name: a client knows no route, so that the probe stands for it."""
        return f"{self.method} {self.probe}"


def encode_span(span: ClientSpan) -> bytes:
    """Return the span as a request of OTLP."""
    sent = span.exchange
    attributes: dict[str, str | int] = {"http.request.method": span.method, RUN: span.run}
    if sent.status:
        attributes["http.response.status_code"] = sent.status
    failed = not sent.status or sent.status >= 400
    if failed:
        attributes["error.type"] = str(sent.status or "no_answer")
    message = SpanMessage(
        trace_id=bytes.fromhex(span.ids.trace_id),
        span_id=bytes.fromhex(span.ids.span_id),
        name=span.name,
        kind=SpanMessage.SPAN_KIND_CLIENT,
        start_time_unix_nano=sent.start_ns,
        end_time_unix_nano=max(sent.end_ns, sent.start_ns),
        attributes=_pairs(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR) if failed else None,
        flags=SAMPLED,
    )
    resource = Resource(attributes=_pairs({"service.name": SERVICE, NAMESPACE: "optimus-ops"}))
    scope = ScopeSpans(scope=InstrumentationScope(name="optimus_ops"), spans=[message])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])
    content: bytes = request.SerializeToString()
    return content


def keeps_kind(own: Span | None) -> bool:
    """Tell whether a store keeps the kind of spans, by what it made of the client's."""
    return own is not None and own.kind == "client"


def keeps_resource(own: Span | None) -> bool:
    """Tell whether it keeps attributes of a resource, be it among those of the span."""
    return own is not None and NAMESPACE in {**own.attributes, **own.resource}


def _pairs(attributes: Mapping[str, str | int]) -> Iterable[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for key, value in attributes.items()
    ]
