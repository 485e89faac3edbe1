"""Results as they come: intervals that add up, and a line of how it goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimus_ops.loadtest.histogram import Histogram
from optimus_ops.loadtest.records import FlowKey, Interval

RECENT = 5
"""Seconds that the line of progress is about."""


@dataclass
class Collector:
    """Adds up the intervals of all workers."""

    found: dict[tuple[int, FlowKey], Interval] = field(default_factory=dict)

    def add(self, interval: Interval) -> None:
        """Add an interval to that of its second, class and tenant."""
        place = (interval.second, interval.key)
        if place in self.found:
            self.found[place].add(interval)
        else:
            self.found[place] = interval

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """All intervals, in order."""
        return tuple(self.found[place] for place in sorted(self.found, key=lambda place: (place[0], str(place[1]))))

    def progress(self) -> str:
        """Return in a line what the last seconds were like."""
        last = max((second for second, _key in self.found), default=-1)
        # The last second isn't over.
        seconds = range(max(last - RECENT, 0), max(last, 1))
        recent = [interval for (second, _key), interval in self.found.items() if second in seconds]
        if not recent:
            return "no answer yet"
        done = sum(interval.ok + interval.failures for interval in recent)
        failed = sum(interval.failures for interval in self.found.values())
        latency = Histogram.merged(interval.latency for interval in recent)
        figures = ", ".join(f"p{percent} {_milliseconds(latency.percentile(percent))}" for percent in (50, 95, 99))
        return f"{done / len(seconds):,.0f} requests/s, {failed} failed, {figures}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"
