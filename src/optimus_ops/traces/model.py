"""A trace: spans of services, and how they hang together.

Times are nanoseconds since 1970. Ids are lower-case hexadecimal, 32 digits of a trace and 16 of a span.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

Kind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
KINDS: tuple[Kind, ...] = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""In the order of OTLP's numbers."""
Status = Literal["unset", "ok", "error"]
STATUSES: tuple[Status, ...] = ("unset", "ok", "error")
"""In the order of OTLP's numbers."""
Value: TypeAlias = "str | bool | int | float | bytes | Sequence[Value] | Mapping[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Link:
    """Another span that a span is about, such as an earlier attempt."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span, such as an exception."""

    name: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work of one service.

    Args:
        parent_id: "" for a root.
        service: its `service.name`, "" where the store doesn't know it.
        kind: "unspecified" where the store doesn't keep it.
        end_ns: 0 where it has not ended.
        attributes: its own; `resource` has those of what made it.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    kind: Kind
    start_ns: int
    end_ns: int
    status: Status = "unset"
    status_message: str = ""
    attributes: Attributes = field(default_factory=dict)
    resource: Attributes = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from start to end; 0 where it has not ended, or ended before it started."""
        return max(self.end_ns - self.start_ns, 0)

    @property
    def failed(self) -> bool:
        """Whether its status is error."""
        return self.status == "error"


@dataclass(frozen=True)
class Trace:
    """The spans of one trace, by their start; `make_trace` makes one.

    Args:
        duplicates: spans that the store had more than once.
        foreign: spans of other traces in the store's answer, left out.
        cut: whether the store may have more of it, which it can't give.
    """

    trace_id: str
    spans: tuple[Span, ...]
    duplicates: int = 0
    foreign: int = 0
    cut: bool = False

    @cached_property
    def by_id(self) -> Mapping[str, Span]:
        """Span id -> the first span that has it."""
        return {span.span_id: span for span in reversed(self.spans)}

    @cached_property
    def roots(self) -> tuple[Span, ...]:
        """Spans without a parent."""
        return tuple(span for span in self.spans if not span.parent_id)

    @cached_property
    def orphans(self) -> tuple[Span, ...]:
        """Spans whose parent is not in the trace."""
        return tuple(span for span in self.spans if span.parent_id and span.parent_id not in self.by_id)

    @cached_property
    def circular(self) -> tuple[Span, ...]:
        """One span, the earliest, of each circle of parents."""
        reached: set[int] = set()
        for top in (*self.roots, *self.orphans):
            self._reach(top, reached)
        found: list[Span] = []
        for span in self.spans:
            if id(span) not in reached:
                found.append(span)
                self._reach(span, reached)
        return tuple(found)

    @cached_property
    def tops(self) -> tuple[Span, ...]:
        """Spans that stand at the top of the tree: roots, orphans, and where circles of parents are cut."""
        tops = (*self.roots, *self.orphans, *self.circular)
        return tuple(sorted(tops, key=lambda span: (span.start_ns, span.span_id)))

    def children(self, span: Span) -> tuple[Span, ...]:
        """Return the spans whose parent a span is, by their start; none that stands at the top, too."""
        if self.by_id.get(span.span_id) is not span:
            return ()
        return tuple(child for child in self._by_parent.get(span.span_id, ()) if id(child) not in self._cut)

    def parent(self, span: Span) -> Span | None:
        """Return the parent of a span; None where it is not in the trace."""
        return self.by_id.get(span.parent_id) if span.parent_id else None

    @property
    def services(self) -> tuple[str, ...]:
        """The services in the order of their first spans."""
        return tuple(dict.fromkeys(span.service for span in self.spans))

    @cached_property
    def _by_parent(self) -> Mapping[str, list[Span]]:
        found: dict[str, list[Span]] = {}
        for span in self.spans:
            found.setdefault(span.parent_id, []).append(span)
        return found

    @cached_property
    def _cut(self) -> frozenset[int]:
        return frozenset(map(id, self.circular))

    def _reach(self, top: Span, reached: set[int]) -> None:
        """Add a span and all below it to the ones that are reached."""
        reached.add(id(top))
        waiting = [top]
        while waiting:
            span = waiting.pop()
            if self.by_id.get(span.span_id) is span:
                below = [child for child in self._by_parent.get(span.span_id, ()) if id(child) not in reached]
                reached.update(map(id, below))
                waiting += below


def make_trace(trace_id: str, spans: Iterable[Span]) -> Trace:
    """Return a trace of spans in any order: once each, those of other traces left out.

    Client and server may share a span id (Zipkin): spans are the same where id, kind, service and name agree.
    """
    kept: dict[tuple[str, str, str, str], Span] = {}
    duplicates = foreign = 0
    for span in spans:
        key = (span.span_id, span.kind, span.service, span.name)
        if span.trace_id != trace_id:
            foreign += 1
        elif key in kept:
            duplicates += 1
            # One that ended says more than one that was stored while it was open.
            kept[key] = max(kept[key], span, key=lambda each: each.end_ns)
        else:
            kept[key] = span
    ordered = sorted(kept.values(), key=lambda span: (span.start_ns, span.span_id, span.kind))
    return Trace(trace_id, tuple(ordered), duplicates, foreign)
