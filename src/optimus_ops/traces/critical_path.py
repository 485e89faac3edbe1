"""The critical path: at each moment, the span that the end of the trace waited for.

From the end backwards: a span waits for the child that ends last before it goes on by itself, that child for its own,
and before that child started, the span waited for the one that had ended last by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from optimus_ops.traces.model import Span
from optimus_ops.traces.timeline import Timeline

SLACK_NS = 50_000
"""Spans that overlap by no more follow one another: clocks are read a moment after what they time."""


@dataclass
class _Frame:
    """A span that is being looked at, backwards from `cursor`; None stands for the whole trace."""

    span: Span | None
    cursor: int
    children: Iterator[Span]
    first: bool = True
    segments: list[tuple[int, int]] = field(default_factory=list)


def critical_path(timeline: Timeline) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """Return, by `id` of a span, the times (start, end) at which it was on the critical path, latest first."""
    ends = _ends(timeline)
    found: dict[int, tuple[tuple[int, int], ...]] = {}

    def frame(span: Span | None, cursor: int) -> _Frame:
        below = timeline.trace.tops if span is None else timeline.trace.children(span)
        return _Frame(span, cursor, iter(sorted(below, key=lambda child: ends[id(child)], reverse=True)))

    stack = [frame(None, timeline.end_ns)]
    while stack:
        current = stack[-1]
        child = _next(current, timeline, ends)
        if child is None:
            if current.span is not None:
                _take(current, timeline.start(current.span), timeline)
                found[id(current.span)] = tuple(current.segments)
                # What is below a span may begin before it does.
                stack[-2].cursor = min(stack[-2].cursor, current.cursor, timeline.start(current.span))
            stack.pop()
            continue
        until = min(ends[id(child)], current.cursor)
        _take(current, until, timeline)
        current.cursor, current.first = timeline.start(child), False
        stack.append(frame(child, until))
    return {key: segments for key, segments in found.items() if segments}


def _next(frame: _Frame, timeline: Timeline, ends: Mapping[int, int]) -> Span | None:
    """Return the next child that a span waited for."""
    for child in frame.children:
        overlaps = ends[id(child)] - frame.cursor > SLACK_NS
        if timeline.start(child) < frame.cursor and (frame.first or not overlaps):
            return child
    return None


def _take(frame: _Frame, since: int, timeline: Timeline) -> None:
    """Note that a span was on the path by itself, from a time until the cursor, as far as it ran then."""
    if frame.span is None:
        return
    start, end = max(since, timeline.start(frame.span)), min(frame.cursor, timeline.end(frame.span))
    if start < end:
        frame.segments.append((start, end))


def _ends(timeline: Timeline) -> Mapping[int, int]:
    """Return, by `id` of a span, when the last span of those below it ended, itself included."""
    ends = {id(span): timeline.end(span) for span in timeline.trace.spans}
    for span, parent, _depth in reversed(timeline.order):
        if parent is not None:
            ends[id(parent)] = max(ends[id(parent)], ends[id(span)])
    return ends
