"""The load over time, as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optimus_ops.loadtest.model import LoadResult, PlatformSample
from optimus_ops.loadtest.records import FlowKey, Interval
from optimus_ops.reports.pictures import Series, Timeline

MOST_BARS = 120


def load_timeline(result: LoadResult, key: FlowKey | None = None) -> Timeline:
    """Return right and failed answers by the second in which they were due."""
    step, slots = slotted(result, key)
    good, bad = tuple(slot.ok for slot in slots), tuple(slot.failures for slot in slots)
    name = "all requests" if key is None else str(key)
    series = Series(name, 0.0, float(step), good, bad)
    title = f"{name}: answers a second, by when they were due"
    file = "load-test-rate" if key is None else ""
    return Timeline(title, 0.0, series.end, (series,), (), (), ("right answers", "failed"), file)


def latency_timeline(result: LoadResult) -> Timeline:
    """Return the bands of latency, by when requests were due, of each class and of first tokens."""
    names = sorted({key.request_class for key in result.keys})
    series = []
    for name in names:
        step, slots = slotted(result, FlowKey(name), any_tenant=True)
        series.append(_bands(f"{name}", step, [slot.latency.percentile(50) for slot in slots], _p99(slots)))
    end = max((each.end for each in series), default=1.0)
    title = "Latency from the intended start in ms, by when requests were due: median, and 99th percentile"
    return Timeline(
        title, 0.0, end, tuple(series), (), (), ("median", "up to the 99th percentile"), "load-test-latency"
    )


def platform_timeline(result: LoadResult) -> Timeline | None:
    """Return what the platform did: a band for each figure that was ever above 0; None without samples."""
    names = list(dict.fromkeys(name for sample in result.samples for name in sample.figures))
    end = max(result.seconds, 1.0)
    step = max(end / MOST_BARS, 2.0)
    series = [_figure(name, result.samples, step, end) for name in names]
    shown = tuple(each for each in series if any(each.good))
    if not shown:
        return None
    title = "The platform meanwhile"
    return Timeline(title, 0.0, end, shown, (), (), ("figure", ""), "load-test-platform")


def slotted(result: LoadResult, key: FlowKey | None, *, any_tenant: bool = False) -> tuple[int, list[Interval]]:
    """Return seconds for a bar, and the sums of as many intervals each."""
    end = max(math.ceil(result.seconds), 1)
    step = -(-end // MOST_BARS)
    slots = [Interval(number * step, key or FlowKey("")) for number in range(-(-end // step))]
    for interval in result.intervals:
        of_class = key is not None and any_tenant and interval.key.request_class == key.request_class
        if (key is None or of_class or interval.key == key) and interval.second < end:
            slots[interval.second // step].add(interval)
    return step, slots


def _p99(slots: Sequence[Interval]) -> list[float | None]:
    return [slot.latency.percentile(99) for slot in slots]


def _bands(name: str, step: int, low: Sequence[float | None], high: Sequence[float | None]) -> Series:
    below = tuple(round((value or 0) * 1000) for value in low)
    above = tuple(round((value or 0) * 1000) for value in high)
    over = tuple(max(top - bottom, 0) for top, bottom in zip(above, below, strict=True))
    return Series(name, 0.0, float(step), below, over, unit="ms")


def _figure(name: str, samples: Sequence[PlatformSample], step: float, end: float) -> Series:
    values, last = [], 0.0
    for slot in range(math.ceil(end / step)):
        found = [
            sample.figures[name]
            for sample in samples
            if slot * step <= sample.at < (slot + 1) * step and name in sample.figures
        ]
        last = max(found) if found else last
        values.append(round(last))
    return Series(name.replace(" ", "\n", 1), 0.0, step, tuple(values), (0,) * len(values), unit="at most")
