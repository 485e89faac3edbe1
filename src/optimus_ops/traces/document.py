"""A trace as the JSON document of `invoke traces.show --json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optimus_ops.traces import summary, words
from optimus_ops.traces.gaps import Gap, find_gaps
from optimus_ops.traces.model import Span, Value
from optimus_ops.traces.timeline import Timeline

SCHEMA = 1
"""Version of the document; it grows with each change that a reader of the last version would not understand."""
MILLISECOND = 1e6


def trace_json(
    timeline: Timeline, critical: Mapping[int, tuple[tuple[int, int], ...]], store: str, address: str
) -> dict[str, Any]:
    """Return the document: times in nanoseconds since 1970 and as stored, durations in milliseconds."""
    trace = timeline.trace
    return {
        "schema": SCHEMA,
        "trace_id": trace.trace_id,
        "store": {"name": store, "address": address},
        "started": words.moment(timeline.begin_ns),
        "duration_ms": _milliseconds(timeline.duration_ns),
        "services": list(trace.services),
        "failed": sum(span.failed for span in trace.spans),
        "complete": bool(trace.roots) and not (trace.orphans or trace.circular or trace.cut),
        "orphans": [span.span_id for span in trace.orphans],
        "gaps": [_gap(gap) for gap in find_gaps(timeline)],
        "remarks": list(summary.remarks(timeline)),
        "spans": [_span(span, timeline, critical, depth) for span, _parent, depth in timeline.order],
    }


def _span(
    span: Span, timeline: Timeline, critical: Mapping[int, tuple[tuple[int, int], ...]], depth: int
) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id or None,
        "depth": depth,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns or None,
        "duration_ms": _milliseconds(span.duration_ns),
        "shifted_ms": _milliseconds(timeline.shift(span)),
        "critical_ms": _milliseconds(sum(end - start for start, end in critical.get(id(span), ()))),
        "status": span.status,
        "status_message": span.status_message,
        "attributes": _plain(span.attributes),
        "resource": _plain(span.resource),
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": _plain(link.attributes)}
            for link in span.links
        ],
        "events": [
            {"name": event.name, "time_ns": event.time_ns, "attributes": _plain(event.attributes)}
            for event in span.events
        ],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    spans = {"before": gap.before.span_id, "after": gap.after.span_id}
    return {**spans, "duration_ms": _milliseconds(gap.duration_ns), "cause": gap.cause}


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / MILLISECOND, 6)


def _plain(value: Value) -> Any:
    """Return a value as JSON has it: bytes in hexadecimal, None for numbers that JSON has none for."""
    match value:
        case bytes():
            return value.hex()
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case Sequence():
            return [_plain(item) for item in value]
    return value
