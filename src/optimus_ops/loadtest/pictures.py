"""The load over time, as a picture."""

from __future__ import annotations

from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.reports.pictures import Series, Timeline

MOST_BARS = 120


def load_timeline(result: LoadResult, key: FlowKey | None = None) -> Timeline:
    """Return right and failed answers by the second in which they were due."""
    end = max(int(result.seconds + 0.999), 1)
    step = -(-end // MOST_BARS)
    good, bad = [0] * -(-end // step), [0] * -(-end // step)
    for interval in result.intervals:
        if (key is None or interval.key == key) and interval.second < end:
            good[interval.second // step] += interval.ok
            bad[interval.second // step] += interval.failures
    name = "all requests" if key is None else str(key)
    series = Series(name, 0.0, float(step), tuple(good), tuple(bad))
    title = f"{name}: answers a second, by when they were due"
    return Timeline(
        title, 0.0, series.end, (series,), (), (), ("right answers", "failed"), "rate" if key is None else ""
    )
