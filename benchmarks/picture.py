"""A picture of requests and failures over time: one row per case, two columns. Pure: series in, SVG out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.timeline import Second

WIDTH = 1000
LEFT, TOP, BETWEEN = 52, 74, 44
PANEL_WIDTH = (WIDTH - 2 * LEFT - BETWEEN + 28) // 2
PANEL_HEIGHT, ROW_HEIGHT = 84, 142
# On white and on a dark page alike: the picture brings its own background. Blue and orange-red differ for everyone.
INK, FAINT, LINE, PAPER = "#1f2328", "#656d76", "#d8dee4", "#ffffff"
ANSWERED, FAILED, CHANGE = "#8db9e8", "#d1242f", "#fff3c4"
STYLE = (
    "text{font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:12px;fill:" + INK + "}"
    ".faint{fill:"
    + FAINT
    + ";font-size:11px}.head{font-size:15px;font-weight:600}.case{font-weight:600;font-size:13px}"
    ".bad{fill:" + FAILED + ";font-weight:600}.good{fill:#1a7f37;font-weight:600}"
)


@dataclass(frozen=True)
class Panel:
    """One run.

    Args:
        series: second by second; 0 is where the change begins.
        seconds: that the change took.
        requests: in all.
        lost: those of them that failed.
    """

    series: Sequence[Second]
    seconds: float
    requests: int
    lost: int


@dataclass(frozen=True)
class Row:
    """One case: its title, and a panel for each column; None where nothing was measured."""

    title: str
    left: Panel | None
    right: Panel | None

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Return the panels that there are."""
        return tuple(panel for panel in (self.left, self.right) if panel)

    @property
    def span(self) -> tuple[int, int]:
        """Return the first second of any panel and the end of the last one, so that both have one time axis."""
        seconds = [0, *(second.at for panel in self.panels for second in panel.series)]
        return min(seconds), max(seconds) + 1


def picture(rows: Sequence[Row], columns: tuple[str, str]) -> str:
    """Return the SVG text.

    Args:
        rows: the cases.
        columns: what stands above the two columns.
    """
    top = most(rows)
    height = TOP + ROW_HEIGHT * len(rows) + 8
    label = quoteattr(spoken(rows, columns))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label={label}>',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="{PAPER}"/>',
        legend(),
    ]
    for x, title in zip(lefts(), columns, strict=True):
        parts.append(f'<text class="head" x="{x}" y="54">{escape(title)}</text>')
    for number, row in enumerate(rows):
        y = TOP + number * ROW_HEIGHT
        parts.append(f'<text class="case" x="{LEFT}" y="{y + 14}">{escape(row.title)}</text>')
        for x, panel in zip(lefts(), (row.left, row.right), strict=True):
            parts.append(drawn(panel, row.span, top, x, y + 24))
    return "\n".join([*parts, "</svg>", ""])


def lefts() -> tuple[int, int]:
    """Return where the two columns begin."""
    return LEFT, LEFT + PANEL_WIDTH + BETWEEN


def most(rows: Sequence[Row]) -> int:
    """Return the end of the axis of requests per second, the same for all panels: a round number above all of them."""
    highest = max((max(s.answered, s.failed) for row in rows for panel in row.panels for s in panel.series), default=0)
    step = 10 if highest < 100 else 100
    return max(step * math.ceil(highest / step), step)


def legend() -> str:
    """Return what the colours mean."""
    said = ((ANSWERED, "answered per second"), (FAILED, "failed per second"), (CHANGE, "the change"))
    parts = [f'<text class="faint" x="{LEFT}" y="24">{CLAIM}</text>']
    x = WIDTH - 430
    for colour, text in said:
        parts.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}" stroke="{LINE}"/>')
        parts.append(f'<text class="faint" x="{x + 17}" y="24">{text}</text>')
        x += 145
    return "\n".join(parts)


CLAIM = "Clients in a closed loop through the balancer; seconds from the beginning of the change."


def drawn(panel: Panel | None, span: tuple[int, int], top: int, x: int, y: int) -> str:
    """Return one panel: axes, the change, what was answered, what failed, and the outcome in words."""
    if panel is None:
        return f'<text class="faint" x="{x}" y="{y + PANEL_HEIGHT / 2}">not measured</text>'
    wide = PANEL_WIDTH / (span[1] - span[0])
    change = min(panel.seconds, span[1]) * wide
    parts = [
        block(x - span[0] * wide, y, max(change, 1.5), PANEL_HEIGHT, CHANGE),
        f'<path d="{area(panel, span, top, x, y)}" fill="{ANSWERED}"/>',
        *(bar(second, x + (second.at - span[0]) * wide, wide, top, y) for second in panel.series if second.failed),
        axes(span, top, x, y),
        outcome(panel, x + PANEL_WIDTH, y - 6),
    ]
    return "\n".join(parts)


def area(panel: Panel, span: tuple[int, int], top: int, x: int, y: int) -> str:
    """Return the path of the answered requests, a step per second."""
    wide, base = PANEL_WIDTH / (span[1] - span[0]), y + PANEL_HEIGHT
    first = panel.series[0].at if panel.series else 0
    path = [f"M{x + (first - span[0]) * wide:.1f} {base}"]
    steps = [
        f"V{base - PANEL_HEIGHT * second.answered / top:.1f}H{x + (second.at + 1 - span[0]) * wide:.1f}"
        for second in panel.series
    ]
    return "".join([*path, *steps, f"V{base}Z"])


def bar(second: Second, x: float, wide: float, top: int, y: int) -> str:
    """Return the bar of a second's failures: large enough to be seen, however few there were."""
    high = max(PANEL_HEIGHT * second.failed / top, 4.0)
    return block(x, y + PANEL_HEIGHT - high, max(wide, 3.0), high, FAILED)


def block(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def axes(span: tuple[int, int], top: int, x: int, y: int) -> str:
    """Return both axes with their numbers."""
    base = y + PANEL_HEIGHT
    parts = [f'<path d="M{x} {base}H{x + PANEL_WIDTH}" stroke="{FAINT}" fill="none"/>']
    for value in (0, top // 2, top):
        height = base - PANEL_HEIGHT * value / top
        parts.append(f'<text class="faint" x="{x - 6}" y="{height + 4:.1f}" text-anchor="end">{value:,}</text>')
        if value:
            parts.append(f'<path d="M{x} {height:.1f}H{x + PANEL_WIDTH}" stroke="{LINE}" stroke-dasharray="2 3"/>')
    step = tick(span[1] - span[0])
    for at in range(math.ceil(span[0] / step) * step, span[1] + 1, step):
        place = x + (at - span[0]) * PANEL_WIDTH / (span[1] - span[0])
        parts.append(f'<path d="M{place:.1f} {base}v4" stroke="{FAINT}"/>')
        text = f"{at} s" if at == 0 else str(at)
        parts.append(f'<text class="faint" x="{place:.1f}" y="{base + 16}" text-anchor="middle">{text}</text>')
    return "\n".join(parts)


def tick(seconds: int) -> int:
    """Return a distance of the marks on the time axis that leaves at most ten of them."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**6) if seconds / step <= 10)


def outcome(panel: Panel, x: int, y: int) -> str:
    """Return what was lost, in words."""
    kind = "bad" if panel.lost else "good"
    text = f'<tspan class="{kind}">{panel.lost:,} lost</tspan> of {panel.requests:,}, change took {panel.seconds:.1f} s'
    return f'<text x="{x}" y="{y}" text-anchor="end">{text}</text>'


def spoken(rows: Sequence[Row], columns: tuple[str, str]) -> str:
    """Return the picture in a sentence per case, for those who don't see it."""
    said = []
    for row in rows:
        lost = [
            f"{panel.lost} of {panel.requests} lost" if panel else "not measured" for panel in (row.left, row.right)
        ]
        said.append(f"{row.title}: {columns[0]} {lost[0]}, {columns[1]} {lost[1]}.")
    return " ".join(said)
