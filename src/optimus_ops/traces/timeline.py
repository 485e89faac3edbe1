"""When the spans of a trace ran, by one clock: those of services whose clocks differ are shifted.

A span of another process can't start before the span that called it, and a call's server can't start after the call has
ended. Where it says so, its clock differs: it is moved into the middle of its parent, and what is below it with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from optimus_ops.traces.model import Span, Trace

INSTANCE = "service.instance.id"


@dataclass(frozen=True)
class Timeline:
    """Times of a trace's spans in nanoseconds since 1970; `make_timeline` makes one.

    Args:
        order: all spans with their parents (None at the top) and depths; parents first, siblings by their start.
        starts: of each span (by `id`).
        shifts: what was added to a span's own times, of those that were shifted.
    """

    trace: Trace
    order: tuple[tuple[Span, Span | None, int], ...]
    starts: Mapping[int, int] = field(repr=False)
    shifts: Mapping[int, int] = field(repr=False)

    def start(self, span: Span) -> int:
        """Return when a span started."""
        return self.starts[id(span)]

    def end(self, span: Span) -> int:
        """Return when a span ended; when it started, if it has no end or an earlier one."""
        return self.starts[id(span)] + (0 if unended(span) else span.duration_ns)

    def shift(self, span: Span) -> int:
        """Return what was added to a span's own times."""
        return self.shifts.get(id(span), 0)

    @cached_property
    def begin_ns(self) -> int:
        """When the first span started; 0 without spans."""
        return min(self.starts.values(), default=0)

    @cached_property
    def end_ns(self) -> int:
        """When the last span ended."""
        return max((self.end(span) for span in self.trace.spans), default=0)

    @cached_property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        return self.end_ns - self.begin_ns


def make_timeline(trace: Trace) -> Timeline:
    """Place the spans of a trace on one clock."""
    starts: dict[int, int] = {}
    shifts: dict[int, int] = {}
    known = [span.start_ns for span in trace.spans if span.start_ns]
    order = tuple(_walk(trace))
    for span, parent, _depth in order:
        own = span.start_ns or (starts[id(parent)] if parent else min(known, default=0))
        shift = 0
        if parent is not None and span.start_ns:
            if instance(span) == instance(parent):
                shift = shifts.get(id(parent), 0)
            else:
                shift = _skew(span, parent, starts[id(parent)])
        starts[id(span)] = own + shift
        if shift:
            shifts[id(span)] = shift
    return Timeline(trace, order, starts, shifts)


def _walk(trace: Trace) -> Iterator[tuple[Span, Span | None, int]]:
    waiting: list[tuple[Span, Span | None, int]] = [(top, None, 0) for top in reversed(trace.tops)]
    while waiting:
        span, parent, depth = waiting.pop()
        yield span, parent, depth
        waiting += [(child, span, depth + 1) for child in reversed(trace.children(span))]


def unended(span: Span) -> bool:
    """Tell whether a span has no end."""
    return span.end_ns == 0


def backwards(span: Span) -> bool:
    """Tell whether a span ended before it started."""
    return 0 < span.end_ns < span.start_ns


def instance(span: Span) -> str:
    """Return what has the clock that a span was timed by: the process, else the service."""
    return str(span.resource.get(INSTANCE) or span.attributes.get(INSTANCE) or span.service)


def _skew(span: Span, parent: Span, parent_start: int) -> int:
    """Return by what a span has to be moved so that its parent can have caused it."""
    called = parent.kind == "client" and span.kind == "server" and not unended(parent)
    early = span.start_ns < parent_start
    late = called and span.start_ns > parent_start + parent.duration_ns
    if not early and not late:
        return 0
    there = max((parent.duration_ns - span.duration_ns) // 2, 0)
    return parent_start + there - span.start_ns
