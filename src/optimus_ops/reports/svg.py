"""Elements of SVG, escaped; the palette; axes of time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"  # what XML can't hold
    "\u202a-\u202e\u2066-\u2069]"  # what turns the direction of a text, so that it reads as another one
)
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
CHARACTER = 6.3
"""Width of a character, in pixels, about."""


def legal(text: str) -> str:
    """Return a text in which characters are replaced that XML can't hold, or that make it read as another text."""
    return NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def element(name: str, *children: str | Markup, **attributes: str | float) -> Markup:
    """Return an element; `text_anchor` is the attribute text-anchor, `class_` is class, empty ones are left out."""
    shown = Markup().join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value != ""
    )
    content = Markup().join(escape(legal(child)) if not isinstance(child, Markup) else child for child in children)
    tag = Markup(name)  # noqa: S704 names are literals of this package
    if not children:
        return Markup("<{}{}/>").format(tag, shown)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, shown, content)


def _value(value: str | float) -> str:
    return legal(value) if isinstance(value, str) else f"{round(value, 1):g}" if abs(value) < 1e5 else f"{value:.1f}"


def picture(title: str, width: float, height: float, parts: Iterable[Markup], *, style: bool, kind: str) -> Markup:
    """Return a whole picture of a class `kind`, in pixels; with its style if it is a file by itself."""
    palette = element("style", Markup(palette_css())) if style else Markup()  # noqa: S704 a file of this package
    ground = element("rect", class_="ground", width=width, height=height, rx=8)
    return element(
        "svg",
        element("title", title),
        palette,
        ground,
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"picture {kind}",
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        **({"width": width} if style else {}),
    )


def palette_css() -> str:
    """Return the colours, light and dark, and the style of pictures."""
    return (TEMPLATES / "palette.css").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """An axis from `start` to `end` in seconds, from `left` on in pixels."""

    start: float
    end: float
    left: float
    width: float

    def x(self, at: float) -> float:
        """Return the place of a time, in pixels, within the axis."""
        share = (at - self.start) / max(self.end - self.start, 0.1)
        return self.left + min(max(share, 0.0), 1.0) * self.width

    def draw(self, y: float, most_ticks: int) -> Iterator[Markup]:
        """Give the axis with its numbers below it."""
        span = self.end - self.start
        step = next((step for step in STEPS if span / step <= most_ticks), span / most_ticks or 1)
        yield element("path", class_="axis", d=f"M{self.left:g} {y:g}h{self.width:g}")
        for tick in range(math.ceil(self.start / step - 1e-9), math.floor(self.end / step + 1e-9) + 1):
            x = self.x(tick * step)
            yield element("path", class_="axis", d=f"M{x:.1f} {y:g}v4")
            yield element("text", f"{tick * step:g} s", class_="soft", x=x, y=y + 17, text_anchor="middle")
