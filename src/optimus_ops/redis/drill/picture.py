"""A run as an inline picture (SVG): writes per 100 ms, and under them what sentinels and servers did."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.timeline import SLOT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.redis.drill.timeline import Happening, Timeline

WIDTH = 960
LEFT, RIGHT = 150, 16
TOP = 34
BAND = 84
"""Height of a band of bars."""
LANE = 22
GAP = 14
LEGEND_LINE = 18
MOST_TICKS = 14

BANDS = {"followers": ("writers that follow", "the sentinels"), "near": ("writers on the old", "master's side")}
MARKS = {
    "+sdown": ("down", "circle"),
    "+odown": ("agreed", "disc"),
    "+try-failover": ("election", "triangle"),
    "+elected-leader": ("elected", "diamond"),
    "+switch-master": ("switch", "square"),
    "+convert-to-slave": ("old master turned", "cross"),
    "is master": ("is master", "flag"),
}
"""What happened -> how the legend calls it, and its shape."""

PICTURE_STYLE = """
:root { --ink: #1c2430; --soft: #5d6878; --line: #d5dae1; --paper: #fff; --shade: #f4f6f8;
  --good: #2f7d5b; --bad: #c8452f; --mark: #2b5fa8; --switch: #8a4fb0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ef; --soft: #98a3b3; --line: #39424f; --paper: #14181e;
  --shade: #1d232b; --good: #4cb388; --bad: #ee7a63; --mark: #7cb0f5; --switch: #c694ea; } }
svg.run { display: block; width: 100%; height: auto; background: var(--shade); border-radius: 6px; margin: 8px 0;
  font: 11.5px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .label { text-anchor: end; } svg .scale, svg .tick, svg .key { fill: var(--soft); }
svg .tick { text-anchor: middle; }
svg .ground { stroke: var(--soft); stroke-width: 1; } svg .lane { stroke: var(--line); stroke-width: 1; }
svg rect.good { fill: var(--good); } svg rect.bad { fill: var(--bad); }
svg .mark { fill: var(--mark); }
svg .mark.hollow, svg .mark.stroke { fill: none; stroke: var(--mark); stroke-width: 1.6; }
svg .mark.switch { fill: var(--switch); }
svg line.fault { stroke: var(--bad); stroke-width: 1.6; } svg text.fault { fill: var(--bad); }
svg line.healing { stroke: var(--mark); stroke-dasharray: 4 3; } svg text.healing { fill: var(--mark); }
svg line.whole { stroke: var(--good); stroke-dasharray: 4 3; } svg text.whole { fill: var(--good); }
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """From seconds after the fault to pixels."""

    began: float
    ended: float

    def x(self, at: float) -> float:
        """Return where a time is."""
        share = (at - self.began) / max(self.ended - self.began, SLOT_SECONDS)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def picture(timeline: Timeline, title: str, *, alone: bool = False) -> str:
    """Return the picture of a run.

    Args:
        timeline: of the run.
        title: what a reader who can't see it is told.
        alone: whether it is a file by itself, with its own style.
    """
    scale = Scale(timeline.began, timeline.ended)
    sources = list(dict.fromkeys(sorted(one.who for one in timeline.happenings if one.who)))
    lanes_top = TOP + len(timeline.slots) * (BAND + GAP)
    axis = lanes_top + len(sources) * LANE + 6
    legend = axis + 44
    parts = [
        *_bands(timeline, scale),
        *_lanes(timeline.happenings, sources, scale, lanes_top),
        *_axis(scale, axis),
        *_lines(timeline.happenings, scale, axis),
        *_legend(timeline.happenings, legend),
    ]
    height = legend + LEGEND_LINE + 12
    return (
        f'<svg class="run" role="img" viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{f'<style>{PICTURE_STYLE}</style>' if alone else ''}{''.join(parts)}</svg>"
    )


def _bands(timeline: Timeline, scale: Scale) -> Iterator[str]:
    for number, (name, slots) in enumerate(timeline.slots.items()):
        top = TOP + number * (BAND + GAP)
        most = max((good + bad for good, bad in slots), default=0) or 1
        for line, text in enumerate(BANDS[name]):
            yield f'<text class="label" x="{LEFT - 12}" y="{top + BAND / 2 + line * 14 - 4:g}">{text}</text>'
        yield f'<line class="ground" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top + BAND}" y2="{top + BAND}"/>'
        for slot, count_verdicts in enumerate(slots):
            yield from _bar(scale, timeline.began + slot * SLOT_SECONDS, count_verdicts, top, most)
        yield f'<text class="scale" x="{LEFT + 3}" y="{top + 9}">{most / SLOT_SECONDS:.0f}/s</text>'


def _bar(scale: Scale, at: float, count_verdicts: tuple[int, int], top: float, most: int) -> Iterator[str]:
    """Give the bar of a slot: what was acknowledged, and what was not on top of it."""
    left = scale.x(at)
    width = max(round(min(scale.x(at + SLOT_SECONDS), WIDTH - RIGHT) - left - 0.6, 1), 0.6)
    ground = top + BAND
    for kind, number in zip(("good", "bad"), count_verdicts, strict=True):
        if number:
            height = round(BAND * number / most, 1)
            ground -= height
            yield f'<rect class="{kind}" x="{left}" y="{ground:.1f}" width="{width}" height="{height}"/>'


def _lanes(happenings: Sequence[Happening], sources: Sequence[str], scale: Scale, top: float) -> Iterator[str]:
    for number, source in enumerate(sources):
        middle = top + number * LANE + LANE / 2
        yield f'<text class="label" x="{LEFT - 12}" y="{middle + 4:g}">{escape(source)}</text>'
        yield f'<line class="lane" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{middle:g}" y2="{middle:g}"/>'
        for one in happenings:
            if one.who == source and one.what in MARKS:
                text = f"{one.who}: {MARKS[one.what][0]} after {one.at:.2f} s"
                yield _mark(MARKS[one.what][1], scale.x(one.at), middle, text)


def _mark(shape: str, x: float, y: float, text: str) -> str:
    shapes = {
        "circle": f'<circle class="mark hollow" cx="{x}" cy="{y:g}" r="4.5"/>',
        "disc": f'<circle class="mark" cx="{x}" cy="{y:g}" r="4.5"/>',
        "triangle": f'<path class="mark" d="M{x} {y - 6:g}l6 11h-12z"/>',
        "diamond": f'<path class="mark" d="M{x} {y - 6:g}l6 6l-6 6l-6 -6z"/>',
        "square": f'<rect class="mark switch" x="{x - 4.5:g}" y="{y - 4.5:g}" width="9" height="9"/>',
        "cross": f'<path class="mark stroke" d="M{x - 4:g} {y - 4:g}l8 8m0 -8l-8 8"/>',
        "flag": f'<path class="mark switch" d="M{x} {y - 7:g}v14h1.5v-6l8 -4z"/>',
    }
    return f"<g>{shapes[shape]}<title>{escape(text)}</title></g>"


def _lines(happenings: Sequence[Happening], scale: Scale, bottom: float) -> Iterator[str]:
    """Give the lines of what the drill itself did; one whose text would cover another's stands lower."""
    free = 0.0
    for one in happenings:
        if one.who:
            continue
        x, name = scale.x(one.at), {"fault": "fault", "healing": "healed", "whole": "whole"}[one.what]
        text = name if one.at == 0 else f"{name} {one.at:.1f} s"
        wide = len(text) * 6.5
        end = x + wide + 6 > WIDTH
        height = 12 if x - (wide if end else 0) >= free else 26
        free = max(free, x + wide + 8)
        anchor = ' text-anchor="end"' if end else ""
        yield f'<line class="{one.what}" x1="{x}" x2="{x}" y1="{height - 8}" y2="{bottom:g}"/>'
        yield f'<text class="{one.what}" x="{x + (-4 if end else 4):g}" y="{height}"{anchor}>{text}</text>'


def _axis(scale: Scale, y: float) -> Iterator[str]:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 3600) if (scale.ended - scale.began) / step <= MOST_TICKS)
    yield f'<line class="ground" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}"/>'
    for second in range(math.ceil(scale.began / step) * step, math.floor(scale.ended) + 1, step):
        x = scale.x(second)
        yield f'<line class="ground" x1="{x}" x2="{x}" y1="{y:g}" y2="{y + 4:g}"/>'
        yield f'<text class="tick" x="{x}" y="{y + 17:g}">{second} s</text>'


def _legend(happenings: Sequence[Happening], y: float) -> Iterator[str]:
    """Give what colours mean, and below it what shapes mean."""
    x = float(LEFT)
    for kind, text in (("good", "acknowledged per 100 ms"), ("bad", "not acknowledged")):
        yield f'<rect class="{kind}" x="{x:g}" y="{y - 9:g}" width="9" height="9"/>'
        yield f'<text class="key" x="{x + 14:g}" y="{y:g}">{text}</text>'
        x += 30 + len(text) * 6.2
    x, y = float(LEFT), y + LEGEND_LINE
    there = {one.what for one in happenings}
    for what, (text, shape) in MARKS.items():
        if what in there:
            yield _mark(shape, x + 5, y - 4, text)
            yield f'<text class="key" x="{x + 16:g}" y="{y:g}">{text}</text>'
            x += 32 + len(text) * 6.2
