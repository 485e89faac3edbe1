"""Estimates with their intervals as SVG, one below another on one axis, with the bounds that they are held against."""

from __future__ import annotations

import math
from collections.abc import Iterator

from markupsafe import Markup

from optimus_ops.reports.pictures import Interval, Intervals
from optimus_ops.reports.spans import plain_text, spans
from optimus_ops.reports.svg import CHARACTER, element, picture

WIDTH, LEFT, RIGHT, TOP = 860, 16, 16, 20
ROW, FOOT, LEGEND_LINE = 28, 50, 18
MOST_NAME = 42
"""Characters of a name; of a longer one the beginning is shown."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000)
MOST_TICKS = 10
LEAST_SPAN = 1e-6
WIDER = 1.15
"""Than those of other texts are the characters of names."""


def intervals_svg(found: Intervals, *, alone: bool = False) -> Markup:
    """Return the picture, with its own style if it is a file by itself."""
    axis = _Axis(found)
    legend = list(_legend(found))
    top = TOP + LEGEND_LINE * (max((line for line, _ in legend), default=0) + 1)
    bottom = top + ROW * len(found.rows)
    parts = [
        *(part for _, part in legend),
        *axis.grid(top, bottom),
        *(
            element("path", class_=f"bound {bound.tone}", d=f"M{axis.x(bound.at):.1f} {top}V{bottom}")
            for bound in found.bounds
        ),
        *(
            part
            for number, row in enumerate(found.rows)
            for part in _row(row, axis, top + ROW * number, found.unit)
        ),
    ]  # fmt: skip
    return picture(described(found), WIDTH, bottom + FOOT, parts, style=alone, kind="intervals")


def described(found: Intervals) -> str:
    """Return the picture in words, for those who don't see it."""
    rows = (f"{row.name}: {_range(row, found.unit)}, {plain_text(row.caption)}." for row in found.rows)
    return " ".join([found.title, *rows])


class _Axis:
    """From the lowest to the highest figure, in whole steps, between the names and the captions."""

    def __init__(self, found: Intervals) -> None:
        names = [min(len(row.name), MOST_NAME) for row in found.rows]
        captions = [len(plain_text(row.caption)) for row in found.rows]
        self.left = LEFT + max(names, default=0) * CHARACTER * WIDER + 16
        self.right = WIDTH - RIGHT - max(captions, default=0) * CHARACTER - 22
        figures = [
            0.0,
            *(bound.at for bound in found.bounds),
            *(figure for row in found.rows for figure in (row.low, row.value, row.high)),
        ]
        span = max(max(figures) - min(figures), LEAST_SPAN)
        self.step = next((step for step in STEPS if span / step <= MOST_TICKS), span / MOST_TICKS)
        self.first = math.floor(min(figures) / self.step - 0.2)
        self.last = math.ceil(max(figures) / self.step + 0.2)
        self.unit = found.unit

    def x(self, at: float) -> float:
        """Return the place of a figure, in pixels."""
        share = (at / self.step - self.first) / (self.last - self.first)
        return self.left + share * (self.right - self.left)

    def grid(self, top: float, bottom: float) -> Iterator[Markup]:
        """Give lines at whole steps, with their figures below."""
        for tick in range(self.first, self.last + 1):
            x = self.x(tick * self.step)
            yield element("path", class_="line", d=f"M{x:.1f} {top}V{bottom}")
            label = f"{tick * self.step:+g}" if tick else "0"
            yield element("text", label, class_="soft", x=x, y=bottom + 18, text_anchor="middle")
        middle = (self.left + self.right) / 2
        yield element("text", self.unit, class_="soft", x=middle, y=bottom + 38, text_anchor="middle")


def _row(row: Interval, axis: _Axis, top: float, unit: str) -> Iterator[Markup]:
    middle = top + ROW / 2
    name = row.name if len(row.name) <= MOST_NAME else f"{row.name[: MOST_NAME - 1]}…"
    yield element("text", name, class_="case", x=LEFT, y=middle + 4)
    pieces = [element("tspan", span.text, class_=span.tone) for span in spans(row.caption)]
    yield element("text", *pieces, x=WIDTH - RIGHT, y=middle + 4, text_anchor="end")
    low, at, high = (axis.x(figure) for figure in (row.low, row.value, row.high))
    if high > low:
        yield element("path", class_=f"whisker {row.tone}", d=f"M{low:.1f} {middle - 5:g}v10m0 -5H{high:.1f}m0 -5v10")
    title = element("title", f"{row.name}: {_range(row, unit)}")
    yield element("circle", title, class_=f"estimate {row.tone}", cx=at, cy=middle, r=5)


def _range(row: Interval, unit: str) -> str:
    between = f", between {row.low:+.1f} and {row.high:+.1f}" if row.high > row.low else ""
    return f"{row.value:+.1f} {unit}{between}"


def _legend(found: Intervals) -> Iterator[tuple[int, Markup]]:
    """Give the meaning of the bounds, each part with the number of its line."""
    x, line = float(LEFT), 0
    for bound in found.bounds:
        width = 42 + len(bound.label) * CHARACTER
        if x > LEFT and x + width > WIDTH:
            x, line = float(LEFT), line + 1
        y = TOP + line * LEGEND_LINE
        yield line, element("path", class_=f"bound {bound.tone}", d=f"M{x:.1f} {y - 4}h16")
        yield line, element("text", bound.label, class_="soft", x=x + 22, y=y)
        x += width
