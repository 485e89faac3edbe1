"""Spans of OTLP in protobuf: https://opentelemetry.io/docs/specs/otlp/."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from optimus_ops.traces.model import KINDS, STATUSES, Attributes, Event, Link, Span, Value

TRACE_BYTES, SPAN_BYTES = 16, 8


def parse_protobuf(content: bytes) -> list[Span]:
    """Return the spans of a message; `TracesData` and Tempo's `Trace` have the same fields.

    Raises ValueError where it is something else, or not whole.
    """
    data = TracesData()
    try:
        data.ParseFromString(content)
        return list(_spans(data))
    except (DecodeError, UnicodeDecodeError) as error:
        raise ValueError("no OTLP") from error


def _spans(data: TracesData) -> Iterable[Span]:
    for of_resource in data.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield _span(span, resource)


def _span(span: SpanMessage, resource: Attributes) -> Span:
    return Span(
        trace_id=_id(span.trace_id, TRACE_BYTES),
        span_id=_id(span.span_id, SPAN_BYTES),
        parent_id=_id(span.parent_span_id, SPAN_BYTES),
        name=span.name,
        service=str(resource.get("service.name") or ""),
        kind=_named(KINDS, span.kind),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=_named(STATUSES, span.status.code),
        status_message=span.status.message,
        attributes=_attributes(span.attributes),
        resource=resource,
        links=tuple(
            Link(_id(link.trace_id, TRACE_BYTES), _id(link.span_id, SPAN_BYTES), _attributes(link.attributes))
            for link in span.links
        ),
        events=tuple(Event(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events),
    )


def _named(names: tuple[Any, ...], number: int) -> Any:
    """Return the name of a number; the first one for numbers that there were none for when this was written."""
    return names[number] if 0 <= number < len(names) else names[0]


def _id(raw: bytes, size: int) -> str:
    """Return an id in hexadecimal, "" for none: all zeros stand for none as well."""
    return raw.hex().zfill(2 * size) if raw.strip(b"\0") else ""


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    found: Value = getattr(value, kind)
    return found
