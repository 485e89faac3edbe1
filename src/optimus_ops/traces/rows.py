"""Which spans a screen shows: all of an ordinary trace, and of a large one what tells most, with what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimus_ops.traces.model import Span, Trace
from optimus_ops.traces.timeline import Timeline

ALIKE = 5
"""More siblings of one name than so many are shown by examples."""
EXAMPLES = 3
MOST_DEPTH = 32
MOST_ROWS = 250


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A span at its depth."""

    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class FoldedRow:
    """Spans that are not shown: siblings of one name, or all that is deeper; `below` counts what is under them."""

    depth: int
    spans: tuple[Span, ...]
    below: int
    alike: bool

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(span.failed for span in self.spans)


Row = SpanRow | FoldedRow


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a screen, and how many spans there was no room for."""

    rows: tuple[Row, ...]
    left_out: int = 0


def choose_rows(timeline: Timeline, most: int = MOST_ROWS) -> Rows:
    """Return the rows for a trace, in the order of a waterfall."""
    sizes = _sizes(timeline)
    rows: list[Row] = []
    counted = 0
    for row in _rows(timeline.trace, sizes):
        if len(rows) == most:
            return Rows(tuple(rows), len(timeline.order) - counted)
        rows.append(row)
        counted += 1 if isinstance(row, SpanRow) else len(row.spans) + row.below
    return Rows(tuple(rows))


def _rows(trace: Trace, sizes: dict[int, int]) -> Iterator[Row]:
    waiting: list[Row] = list(reversed(_siblings(trace.tops, 0, sizes)))
    while waiting:
        row = waiting.pop()
        yield row
        if isinstance(row, FoldedRow):
            continue
        children = trace.children(row.span)
        depth = row.depth + 1
        if children and depth > MOST_DEPTH:
            yield FoldedRow(depth, children, sum(sizes[id(child)] - 1 for child in children), alike=False)
        else:
            waiting += reversed(_siblings(children, depth, sizes))


def _siblings(spans: Sequence[Span], depth: int, sizes: dict[int, int]) -> list[Row]:
    """Return rows for spans with one parent: of many of one name the first, the longest and what failed."""
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        groups.setdefault((span.service, span.name), []).append(span)
    shown = {id(span) for group in groups.values() for span in _examples(group)}
    rows: list[Row] = []
    for span in spans:
        group = groups[span.service, span.name]
        if id(span) in shown:
            rows.append(SpanRow(span, depth))
        hidden = [each for each in group if id(each) not in shown]
        if hidden and span is hidden[0]:
            rows.append(FoldedRow(depth, tuple(hidden), sum(sizes[id(each)] - 1 for each in hidden), alike=True))
    return rows


def _examples(group: Sequence[Span]) -> Sequence[Span]:
    if len(group) <= ALIKE:
        return group
    telling = sorted(group[1:], key=lambda span: (not span.failed, -span.duration_ns))
    return [group[0], *telling[: EXAMPLES - 1]]


def _sizes(timeline: Timeline) -> dict[int, int]:
    """Return, by `id` of a span, how many spans its subtree has."""
    sizes = {id(span): 1 for span in timeline.trace.spans}
    for span, parent, _depth in reversed(timeline.order):
        if parent is not None:
            sizes[id(parent)] += sizes[id(span)]
    return sizes
