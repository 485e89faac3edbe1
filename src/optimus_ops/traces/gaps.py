"""Gaps: times of a trace of which no span tells, with the name of what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from optimus_ops.traces.model import Span
from optimus_ops.traces.timeline import Timeline, unended

Cause = Literal["queue", "hand-over", "unknown"]
LEAST_SHARE = 0.05
LEAST_NS = 1_000_000
MOST_GAPS = 5
QUEUE_KEYS = ("messaging.system", "messaging.destination.name", "messaging.operation.name")


@dataclass(frozen=True, slots=True)
class Gap:
    """Nanoseconds between two spans: in a queue, on the way to another service and back, or of unknown use."""

    before: Span
    after: Span
    duration_ns: int
    cause: Cause


def find_gaps(timeline: Timeline) -> tuple[Gap, ...]:
    """Return the gaps that take at least a millisecond and a twentieth of the trace, the longest first."""
    least = max(LEAST_NS, timeline.duration_ns * LEAST_SHARE)
    edges = [gap for gap in _between_services(timeline) if gap.duration_ns >= least]
    explained = {id(gap.after) for gap in edges}
    silent = [gap for gap in _silences(timeline) if gap.duration_ns >= least and id(gap.after) not in explained]
    return tuple(sorted([*edges, *silent], key=lambda gap: -gap.duration_ns)[:MOST_GAPS])


def _between_services(timeline: Timeline) -> Iterator[Gap]:
    """Give what passes between a span and its parent in another service."""
    for span, parent, _depth in timeline.order:
        if parent is None or parent.service == span.service or unended(parent) or unended(span):
            continue
        if timeline.start(span) >= timeline.end(parent):
            yield Gap(parent, span, timeline.start(span) - timeline.end(parent), _cause(parent, span))
        elif timeline.end(span) <= timeline.end(parent) and _waits(parent, timeline):
            yield Gap(parent, span, parent.duration_ns - span.duration_ns, "hand-over")


def _waits(parent: Span, timeline: Timeline) -> bool:
    """Tell whether a span is a call, which does nothing but wait; where kinds aren't kept, by what is below it."""
    unknown = parent.kind == "unspecified" and len(timeline.trace.children(parent)) == 1
    return parent.kind == "client" or unknown


def _silences(timeline: Timeline) -> Iterator[Gap]:
    """Give the times at which no span runs."""
    last: Span | None = None
    for span in sorted(timeline.trace.spans, key=timeline.start):
        if last is not None and timeline.start(span) > timeline.end(last):
            yield Gap(last, span, timeline.start(span) - timeline.end(last), _cause(last, span))
        if last is None or timeline.end(span) > timeline.end(last):
            last = span


def _cause(before: Span, after: Span) -> Cause:
    queued = after.kind == "consumer" or before.kind == "producer"
    return "queue" if queued or any(key in after.attributes for key in QUEUE_KEYS) else "unknown"
