"""Pictures of a report: a timeline of one run, small multiples to compare runs, and estimates with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from optimus_ops.reports.spans import Content, Tone

Shape = Literal["circle", "disc", "triangle", "diamond", "square", "cross", "flag"]


@dataclass(frozen=True, slots=True)
class Series:
    """Counts per interval, of what went well and of what failed; in seconds, with a name of one line or several.

    Another `unit` than "/s" makes them values, as "ms": the second ones stand on top of the first.
    """

    name: str
    start: float
    step: float
    good: tuple[int, ...]
    bad: tuple[int, ...]
    unit: str = field(default="/s", kw_only=True)

    @property
    def end(self) -> float:
        """The end of the last interval, in seconds."""
        return self.start + self.step * len(self.good)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened in a lane; marks of one label have one shape, and an entry in the legend."""

    at: float
    lane: str
    label: str
    shape: Shape
    tone: Literal["mark", "accent"] = "mark"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that concerns the whole timeline: a vertical line with a text."""

    at: float
    label: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run on its own clock: bars of each series, below them a lane of marks for each participant.

    Times are in seconds, 0 is what the run is about, such as a fault. The title is read out where the picture can't be
    seen; `legend` is that of good and bad counts. Without `file`, a name without suffix, the picture isn't in Markdown.
    """

    title: str
    start: float
    end: float
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    events: tuple[Event, ...]
    legend: tuple[str, str]
    file: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of many: a series, a period in seconds that is highlighted, and the result in words."""

    series: Series
    highlight: tuple[float, float]
    caption: Content


@dataclass(frozen=True, slots=True)
class ChartRow:
    """Panels with one time axis, one for each column; None where nothing was measured."""

    title: str
    panels: tuple[Panel | None, ...]

    @property
    def span(self) -> tuple[float, float]:
        """First and last second of any panel, 0 included."""
        there = [panel.series for panel in self.panels if panel]
        return min([0.0, *(series.start for series in there)]), max([1.0, *(series.end for series in there)])


@dataclass(frozen=True, slots=True)
class Chart:
    """Small multiples: a row for each case, a column for each way; all panels have one vertical axis.

    The title is read out where the picture can't be seen, before the captions; the note above the panels says what the
    axes mean. `legend` is that of good counts, bad counts and the highlighted period; `file` is as of a timeline.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[ChartRow, ...]
    legend: tuple[str, str, str]
    file: str = ""

    @property
    def top(self) -> int:
        """Upper end of the vertical axis: a round number that no count exceeds."""
        panels = [panel.series for row in self.rows for panel in row.panels if panel]
        highest = max((count for series in panels for count in (*series.good, *series.bad)), default=0)
        step = 2 * int(10 ** max(len(str(highest)) - 2, 0))
        return max(-(-highest // step) * step, step)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and how sure it is; where nothing is left to chance all three figures are one."""

    name: str
    value: float
    low: float
    high: float
    caption: Content
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that estimates are held against: a vertical line, whose label is in the legend."""

    at: float
    label: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Intervals:
    """Estimates below one another on one axis, in a unit; `file` is as of a timeline."""

    title: str
    rows: tuple[Interval, ...]
    bounds: tuple[Bound, ...]
    unit: str
    file: str = ""
