"""Spans of OTLP in JSON as stores write it; a fifth of the time that protobuf's own reader of JSON takes.

Ids are base64 (Tempo) or hexadecimal (OTLP/JSON), bytes base64, numbers of 64 bits texts, values of enumerations texts
or numbers; unknown fields are passed over.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from optimus_ops.traces.model import KINDS, STATUSES, Attributes, Event, Link, Span, Value

Table = Mapping[str, Any]

RESOURCES = ("resourceSpans", "batches")
"""Names of the list of resources: of OTLP, and of Tempo's first API."""
SCOPES = ("scopeSpans", "instrumentationLibrarySpans")
HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
TRACE_BYTES, SPAN_BYTES = 16, 8
LEAST, MOST = -(2**63), 2**64 - 1
"""What OTLP has room for in a whole number."""


def parse_json(content: bytes) -> Any:
    """Return a JSON document; raise ValueError where it is none."""
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("no JSON") from error


def spans_of_document(document: Any) -> list[Span]:
    """Return the spans of a document with a list of resources; raise ValueError where it is something else."""
    try:
        return [span for resource in _listed(_table(document), *RESOURCES) for span in _of_resource(resource)]
    except (RecursionError, OverflowError, TypeError) as error:
        raise ValueError("no OTLP in JSON") from error


def _of_resource(of_resource: Table) -> list[Span]:
    resource = _attributes(_table(of_resource.get("resource")))
    service = str(resource.get("service.name") or "")
    return [
        _span(span, resource, service) for scope in _listed(of_resource, *SCOPES) for span in _listed(scope, "spans")
    ]


def _span(span: Table, resource: Attributes, service: str) -> Span:
    status = _table(span.get("status"))
    return Span(
        trace_id=_id(span.get("traceId"), TRACE_BYTES),
        span_id=_id(span.get("spanId"), SPAN_BYTES),
        parent_id=_id(span.get("parentSpanId"), SPAN_BYTES),
        name=_text(span.get("name")),
        service=service,
        kind=_named(KINDS, "SPAN_KIND_", span.get("kind")),
        start_ns=_number(span.get("startTimeUnixNano")),
        end_ns=_number(span.get("endTimeUnixNano")),
        status=_named(STATUSES, "STATUS_CODE_", status.get("code")),
        status_message=_text(status.get("message")),
        attributes=_attributes(span),
        resource=resource,
        links=tuple(_link(link) for link in _listed(span, "links")),
        events=tuple(_event(event) for event in _listed(span, "events")),
    )


def _link(link: Table) -> Link:
    return Link(_id(link.get("traceId"), TRACE_BYTES), _id(link.get("spanId"), SPAN_BYTES), _attributes(link))


def _event(event: Table) -> Event:
    return Event(_text(event.get("name")), _number(event.get("timeUnixNano")), _attributes(event))


def _attributes(owner: Table, field: str = "attributes") -> dict[str, Value]:
    return {_text(pair.get("key")): _value(_table(pair.get("value"))) for pair in _listed(owner, field)}


def _value(value: Table) -> Value:
    for kind, read in READERS.items():
        if kind in value and value[kind] is not None:
            return read(value[kind])
    return None


def _array(value: Any) -> Value:
    return [_value(item) for item in _listed(_table(value), "values")]


def _table(value: Any) -> Table:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError("an object is wanted")
    return value


def _listed(owner: Table, *fields: str) -> list[Table]:
    """Return the list of objects in the first of several fields that has one."""
    found: Any = next((owner[field] for field in fields if owner.get(field) is not None), [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise TypeError("a list of objects is wanted")
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("a truth value is wanted")
    return value


def _number(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a number is wanted")
    number = int(value)
    if not LEAST <= number <= MOST:
        raise ValueError("a number of 64 bits is wanted")
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a number is wanted")
    return float(value)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value))


def _named(names: tuple[Any, ...], prefix: str, value: Any) -> Any:
    """Return the name of an enumeration's value; the first one for values that there were none for."""
    if isinstance(value, str) and not value.isdecimal():
        found = value.removeprefix(prefix).lower()
        return found if found in names else names[0]
    number = _number(value)
    return names[number] if 0 <= number < len(names) else names[0]


def _id(value: Any, size: int) -> str:
    """Return an id in hexadecimal, "" for none: all zeros stand for none as well."""
    text = _text(value)
    found = text.lower() if len(text) == 2 * size and HEX.fullmatch(text) else _bytes(text).hex()
    return found.zfill(2 * size) if found.strip("0") else ""


READERS: Mapping[str, Callable[[Any], Value]] = {
    "stringValue": _text,
    "intValue": _number,
    "boolValue": _truth,
    "doubleValue": _float,
    "arrayValue": _array,
    "kvlistValue": lambda value: _attributes(_table(value), "values"),
    "bytesValue": _bytes,
}
"""How a value of each kind is read."""
