"""A timeline as SVG: bars per interval, and under them what each participant did."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from optimus_ops.reports.pictures import Mark, Series, Shape, Timeline
from optimus_ops.reports.svg import CHARACTER, TimeAxis, element, picture

WIDTH, LEFT, RIGHT, TOP = 960, 150, 22, 34
BAND, LANE, GAP = 84, 22, 14
LEGEND_LINE = 18
MOST_TICKS = 14


def timeline_svg(timeline: Timeline, *, alone: bool = False) -> Markup:
    """Return the picture, with its own style if it is a file by itself."""
    axis = TimeAxis(timeline.start, timeline.end, LEFT, WIDTH - LEFT - RIGHT)
    lanes = sorted({mark.lane for mark in timeline.marks})
    lanes_top = TOP + len(timeline.series) * (BAND + GAP)
    bottom = lanes_top + len(lanes) * LANE + 6
    legend = list(_legend(timeline, bottom + 44))
    parts = [
        *(
            part
            for number, series in enumerate(timeline.series)
            for part in _bars(series, axis, TOP + number * (BAND + GAP))
        ),
        *(
            part
            for number, lane in enumerate(lanes)
            for part in _lane(lane, timeline, axis, lanes_top + (number + 0.5) * LANE)
        ),
        *axis.draw(bottom, MOST_TICKS),
        *_events(timeline, axis, bottom),
        *legend,
    ]
    return picture(timeline.title, WIDTH, bottom + 44 + LEGEND_LINE + 12, parts, style=alone, kind="timeline")


def _bars(series: Series, axis: TimeAxis, top: float) -> Iterator[Markup]:
    """Give a band: what went well, and what failed on top of it."""
    bottom = top + BAND
    highest = max((good + bad for good, bad in zip(series.good, series.bad, strict=True)), default=0) or 1
    lines = series.name.splitlines()
    for number, line in enumerate(lines):
        yield _label(line, bottom - BAND / 2 + 14 * (number - len(lines) / 2) + 10)
    yield element("path", class_="axis", d=f"M{LEFT} {bottom:g}H{WIDTH - RIGHT}")
    for slot, counts in enumerate(zip(series.good, series.bad, strict=True)):
        left = axis.x(series.start + slot * series.step)
        width = max(axis.x(series.start + (slot + 1) * series.step) - left - 0.6, 0.6)
        ground = bottom
        for kind, count in zip(_kinds(series.unit), counts, strict=True):
            if count:
                height = BAND * count / highest
                ground -= height
                yield element("rect", class_=kind, x=left, y=ground, width=width, height=height)
    scale = f"{highest / series.step:.0f}/s" if series.unit == "/s" else f"{highest:,} {series.unit}"
    yield element("text", scale, class_="soft", x=LEFT - 12, y=top + 9, text_anchor="end")


def _kinds(unit: str) -> tuple[str, str]:
    """Return the classes of the lower and the upper part of a bar: an upper value is no failure."""
    return "count", "failure" if unit == "/s" else "upper"


def _lane(lane: str, timeline: Timeline, axis: TimeAxis, middle: float) -> Iterator[Markup]:
    yield _label(lane, middle + 4)
    yield element("path", class_="line", d=f"M{LEFT} {middle:g}H{WIDTH - RIGHT}")
    for mark in timeline.marks:
        if mark.lane == lane:
            title = f"{mark.lane}: {mark.label} after {mark.at:.2f} s"
            yield _mark(mark.shape, mark.tone, axis.x(mark.at), middle, title)


def _label(text: str, y: float) -> Markup:
    return element("text", text, x=LEFT - 12, y=y, text_anchor="end")


def _mark(shape: Shape, tone: str, x: float, y: float, title: str) -> Markup:
    paths = {
        "circle": f"M{x - 4.5:.1f} {y:g}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
        "disc": f"M{x - 4.5:.1f} {y:g}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
        "triangle": f"M{x:.1f} {y - 6:g}l6 11h-12z",
        "diamond": f"M{x:.1f} {y - 6:g}l6 6l-6 6l-6 -6z",
        "square": f"M{x - 4.5:.1f} {y - 4.5:g}h9v9h-9z",
        "cross": f"M{x - 4:.1f} {y - 4:g}l8 8m0 -8l-8 8",
        "flag": f"M{x:.1f} {y - 7:g}v14h1.5v-6l8 -4z",
    }
    hollow = " hollow" if shape in {"circle", "cross"} else ""
    return element("path", element("title", title), class_=f"{tone}{hollow}", d=paths[shape])


def _events(timeline: Timeline, axis: TimeAxis, bottom: float) -> Iterator[Markup]:
    """Give vertical lines with their texts; a text that would cover another one stands lower."""
    free = 0.0
    for event in timeline.events:
        x = axis.x(event.at)
        text = event.label if event.at == 0 else f"{event.label} {event.at:.1f} s"
        width = len(text) * CHARACTER
        at_end = x + width + 6 > WIDTH
        y = 12 if x - (width if at_end else 0) >= free else 26
        free = max(free, x + width + 8)
        yield element("path", class_=f"event {event.tone}", d=f"M{x:.1f} {y - 8}V{bottom:g}")
        place = {"x": x - 4, "text_anchor": "end"} if at_end else {"x": x + 4}
        yield element("text", text, class_=event.tone, y=y, **place)


def _legend(timeline: Timeline, y: float) -> Iterator[Markup]:
    """Give the meaning of colours, and below it that of shapes."""
    x = float(LEFT)
    for kind, text in zip(_kinds(timeline.series[0].unit if timeline.series else "/s"), timeline.legend, strict=True):
        if not text:
            continue
        yield element("rect", class_=kind, x=x, y=y - 9, width=9, height=9)
        yield element("text", text, class_="soft", x=x + 14, y=y)
        x += 32 + len(text) * CHARACTER
    x, y = float(LEFT), y + LEGEND_LINE
    kinds: dict[str, Mark] = {}
    for mark in timeline.marks:
        kinds.setdefault(mark.label, mark)
    for label, mark in kinds.items():
        yield _mark(mark.shape, mark.tone, x + 5, y - 4, label)
        yield element("text", label, class_="soft", x=x + 16, y=y)
        x += 34 + len(label) * CHARACTER
