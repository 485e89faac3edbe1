"""A trace as a waterfall of text: service, span, bar and duration, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len, set_cell_size

from optimus_ops.text.palette import BOLD, DIM, PALETTE, PLAIN, RED, YELLOW
from optimus_ops.text.units import counted
from optimus_ops.traces import words
from optimus_ops.traces.model import Span
from optimus_ops.traces.rows import FoldedRow, Row, Rows, SpanRow
from optimus_ops.traces.timeline import Timeline, backwards, unended

CRITICAL, ORDINARY, MOMENT = "━", "─", "╵"
DURATION_CELLS = 10
LEAST_NAME, LEAST_BAR, LEAST_ROOM = 18, 12, 12
MOST_SERVICE, MOST_NAME = 22, 64
MOST_LINKS = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns, in cells; blanks between them are extra."""

    service: int
    name: int
    bar: int


def fit_columns(rows: Rows, columns: int) -> Columns:
    """Return widths for rows on a line of so many cells; names get what they need, up to half of the line."""
    shown = [row for row in rows.rows if isinstance(row, SpanRow)]
    service = min(max((cell_len(words.service(row.span)) for row in shown), default=0), MOST_SERVICE, columns // 4)
    room = max(columns - service - DURATION_CELLS - 3, LEAST_ROOM)
    bar = min(LEAST_BAR, room // 3)
    wanted = max((row.depth * 2 + cell_len(words.name(row.span)) for row in shown), default=0)
    name = min(max(min(wanted, MOST_NAME, room * 3 // 5), LEAST_NAME), room - bar)
    return Columns(service, name, room - name)


@dataclass(frozen=True)
class Waterfall:
    """Draws rows; `colour` is whether SGR codes may be used.

    Args:
        critical: by `id` of a span, its times on the critical path.
    """

    timeline: Timeline
    critical: Mapping[int, tuple[tuple[int, int], ...]]
    columns: Columns
    colour: bool

    @cached_property
    def _colours(self) -> Mapping[str, int]:
        """A colour for each service, in the order in which they appear."""
        services = self.timeline.trace.services
        return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(services)}

    def lines(self, rows: Rows) -> Iterator[str]:
        """Give the lines of all rows."""
        for row in rows.rows:
            yield from self._row(row)
        if rows.left_out:
            yield self.paint(f"… and {counted(rows.left_out, 'more span')}; all of them: --json", DIM)

    def paint(self, text: str, code: str) -> str:
        """Colour a text, where colours may be used."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text and code != PLAIN else text

    def _row(self, row: Row) -> Iterator[str]:
        if isinstance(row, FoldedRow):
            yield self._aside(row.depth, self._folded(row), RED if row.failed else DIM)
            return
        span = row.span
        code = str(self._colours[span.service])
        text = set_cell_size(f"{self._indent(row.depth)}{words.name(span)}", self.columns.name)
        if cell_len(words.name(span)) + len(self._indent(row.depth)) > self.columns.name:
            text = f"{set_cell_size(text, self.columns.name - 1)}…"
        service = set_cell_size(words.service(span), self.columns.service)
        took = self._duration(span).rjust(DURATION_CELLS)
        on_path = id(span) in self.critical
        yield (
            f"{self.paint(service, code)} {self.paint(text, RED if span.failed else BOLD if on_path else PLAIN)} "
            f"{self.paint(self._bar(span), RED if span.failed else code)} {took}"
        ).rstrip()
        for note, tone in self._notes(span):
            yield self._aside(row.depth, note, tone)

    def _indent(self, depth: int) -> str:
        """Return the blanks before a name; beyond a third of the column they stay the same, with the depth before."""
        most = self.columns.name // 3
        return " " * (2 * depth) if 2 * depth <= most else f"{f'{depth}»':>{most}} "

    def _aside(self, depth: int, text: str, tone: str) -> str:
        """Return a line below a span, as wide as all columns after the service's."""
        indent = min(2 * depth, self.columns.name // 3) + 2
        room = self.columns.name + self.columns.bar + DURATION_CELLS + 2 - indent
        shown = text if cell_len(text) <= room else f"{set_cell_size(text, room - 1)}…"
        return f"{' ' * (self.columns.service + 1 + indent)}{self.paint(shown, tone)}"

    @staticmethod
    def _duration(span: Span) -> str:
        if unended(span):
            return "not ended"
        return "backwards" if backwards(span) else words.duration(span.duration_ns)

    def _bar(self, span: Span) -> str:
        """Return the bar of a span: where it is on the critical path, heavy."""
        cells = [" "] * self.columns.bar
        self._draw(cells, self.timeline.start(span), self.timeline.end(span), ORDINARY)
        for start, end in self.critical.get(id(span), ()):
            self._draw(cells, start, end, CRITICAL)
        if not span.duration_ns:
            self._draw(cells, self.timeline.start(span), self.timeline.start(span), MOMENT)
        return "".join(cells)

    def _draw(self, cells: list[str], start: int, end: int, mark: str) -> None:
        whole = max(self.timeline.duration_ns, 1)
        first = (start - self.timeline.begin_ns) * len(cells) // whole
        last = -(-(end - self.timeline.begin_ns) * len(cells) // whole)
        first = min(first, len(cells) - 1)
        for position in range(first, min(max(last, first + 1), len(cells))):
            cells[position] = mark

    def _notes(self, span: Span) -> Iterator[tuple[str, str]]:
        """Give what is worth a line below a span, with its colour."""
        if span.failed:
            yield f"✗ {words.failure(span)}", RED
        if span.parent_id and self.timeline.trace.parent(span) is None:
            yield f"! its parent {span.parent_id} is not in the trace", YELLOW
        if shift := self.timeline.shift(span):
            moved = f"{words.duration(abs(shift))} {'later' if shift > 0 else 'earlier'}"
            yield f"! its clock differs: shown {moved}", YELLOW
        for link in span.links[:MOST_LINKS]:
            yield f"→ {self._link(link.trace_id, link.span_id)}", DIM
        if len(span.links) > MOST_LINKS:
            yield f"→ and {counted(len(span.links) - MOST_LINKS, 'more link')}", DIM

    def _link(self, trace_id: str, span_id: str) -> str:
        if trace_id != self.timeline.trace.trace_id:
            return f"linked trace {trace_id}"
        other = self.timeline.trace.by_id.get(span_id)
        return f"linked to {words.name(other)} ({words.service(other)})" if other else f"linked to span {span_id}"

    @staticmethod
    def _folded(row: FoldedRow) -> str:
        below = f", with {counted(row.below, 'span')} below" if row.below else ""
        if not row.alike:
            return f"… {counted(len(row.spans) + row.below, 'span')} deeper"
        shortest, longest = (choose(span.duration_ns for span in row.spans) for choose in (min, max))
        failed = f", {row.failed} failed" if row.failed else ""
        total = words.duration(sum(span.duration_ns for span in row.spans))
        took = f"{words.duration(shortest)} to {words.duration(longest)}, {total} together"
        return f"… and {len(row.spans)} more {words.name(row.spans[0])}: {took}{failed}{below}"
