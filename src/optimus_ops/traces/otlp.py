"""Spans of an answer: protobuf of OTLP (https://opentelemetry.io/docs/specs/otlp/), and its JSON as stores write it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from optimus_ops.traces.model import KINDS, STATUSES, Attributes, Event, Link, Span, Value

LISTS = ("resourceSpans", "batches")
"""Names of the list of resources: of OTLP, and of Tempo's first API."""
OLD_NAMES = {"instrumentationLibrarySpans": "scopeSpans", "instrumentationLibrary": "scope"}
HEX = re.compile(r"[0-9a-f]+", re.ASCII)
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


def parse_json(content: bytes) -> Any:
    """Return a JSON document; raise ValueError where it is none."""
    try:
        return json.loads(content)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError("no JSON") from error


def spans_of_document(document: Any) -> list[Span]:
    """Return the spans of a JSON document with a list of resources; ids are base64, or hexadecimal as in OTLP/JSON.

    Raises ValueError where it is something else.
    """
    data = TracesData()
    try:
        listed = [document[name] for name in LISTS if document.get(name)]
        ParseDict({"resourceSpans": _renamed(listed[0]) if listed else []}, data, ignore_unknown_fields=True)
        return list(_spans(data))
    except (ParseError, DecodeError, RecursionError, TypeError, AttributeError) as error:
        raise ValueError("no OTLP in JSON") from error


def _renamed(resources: Any) -> Any:
    """Return a list of resources with the names that OTLP has now; only its two upper levels are looked at."""
    if not isinstance(resources, list):
        return resources
    renamed = []
    for resource in resources:
        found = _with_new_names(resource)
        if isinstance(found, dict) and isinstance(found.get("scopeSpans"), list):
            found["scopeSpans"] = [_with_new_names(scope) for scope in found["scopeSpans"]]
        renamed.append(found)
    return renamed


def _with_new_names(table: Any) -> Any:
    return {OLD_NAMES.get(key, key): value for key, value in table.items()} if isinstance(table, dict) else table


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
    if len(raw) * 4 == size * 6:
        # Hexadecimal digits that were read as if they were base64: the same digits come out again.
        text = base64.b64encode(raw).decode().lower()
        found = text if HEX.fullmatch(text) else raw.hex()
    else:
        found = raw.hex()
    return found.zfill(2 * size) if found.strip("0") else ""


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
