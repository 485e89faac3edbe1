"""Comparison with earlier runs of the same load: ratios of percentiles with a confidence interval.

Requests of one run are no independent samples: a slow moment makes neighbours slow. So blocks of neighbouring seconds
are resampled, not requests (block bootstrap: Künsch, The Jackknife and the Bootstrap for General Stationary
Observations, Annals of Statistics 17, 1989), and the interval is that of percentiles (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13). What differs between two runs beside the change, such as a neighbour
on the machine, it can't know: give several earlier runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from optimus_ops.loadtest.histogram import Histogram
from optimus_ops.loadtest.records import Interval
from optimus_ops.reports.measurement import samples_needed

ComparisonVerdict = Literal["slower", "faster", "no difference seen", "not comparable"]
BLOCKS, RESAMPLES, SEED = 30, 400, 1
CONFIDENCE = 0.95
LEAST_SAMPLES = 20
"""Of right answers in each run."""
PERCENTS = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A percentile of a class, now and before, in seconds; their ratio, and the interval that it is in."""

    request_class: str
    percent: float
    before: float | None
    now: float | None
    interval: tuple[float, float] | None

    @property
    def ratio(self) -> float | None:
        """Now in times of before."""
        return self.now / self.before if self.now is not None and self.before else None

    def is_worse(self, most: float) -> bool:
        """Tell whether the whole interval is above the ratio that may be: a worsening that is proven."""
        return self.interval is not None and self.interval[0] > most

    @property
    def verdict(self) -> ComparisonVerdict:
        """What the interval says."""
        if self.interval is None:
            return "not comparable"
        low, high = self.interval
        return "slower" if low > 1 else "faster" if high < 1 else "no difference seen"


def compare(before: Sequence[Sequence[Interval]], now: Sequence[Interval]) -> tuple[Comparison, ...]:
    """Return the comparisons of all classes of a run with earlier ones."""
    names = sorted({interval.key.request_class for interval in now})
    numbers = random.Random(SEED)  # noqa: S311 - the same intervals each time
    return tuple(
        comparison
        for name in names
        for comparison in _compare_class(
            name, [block for run in before for block in blocks_of(name, run)], blocks_of(name, now), numbers
        )
    )


def blocks_of(request_class: str, intervals: Iterable[Interval]) -> Sequence[Histogram]:
    """Return the latencies of a class in blocks of neighbouring seconds."""
    seconds: dict[int, Histogram] = {}
    for interval in intervals:
        if interval.key.request_class == request_class:
            seconds.setdefault(interval.second, Histogram()).merge(interval.latency)
    ordered = [seconds[second] for second in sorted(seconds)]
    size = max(-(-len(ordered) // BLOCKS), 1)
    return [Histogram.merged(ordered[first : first + size]) for first in range(0, len(ordered), size)]


def _compare_class(
    name: str, before: Sequence[Histogram], now: Sequence[Histogram], numbers: random.Random
) -> Iterable[Comparison]:
    wholes = Histogram.merged(before), Histogram.merged(now)
    ratios: dict[float, list[float]] = {percent: [] for percent in PERCENTS}
    count = min(whole.count for whole in wholes)
    if count >= LEAST_SAMPLES and min(len(before), len(now)) > 1:
        for _ in range(RESAMPLES):
            base_sample, sample = (Histogram.merged(numbers.choices(each, k=len(each))) for each in (before, now))
            for percent in PERCENTS:
                base, found = base_sample.percentile(percent), sample.percentile(percent)
                if base and found is not None:
                    ratios[percent].append(found / base)
    for percent in PERCENTS:
        first, second = (whole.percentile(percent) for whole in wholes)
        # Of too few requests a high percentile is a single one.
        enough = count >= samples_needed(percent)
        yield Comparison(name, percent, first, second, _interval(ratios[percent]) if enough else None)


def _interval(ratios: list[float]) -> tuple[float, float] | None:
    if not ratios:
        return None
    ordered, tail = sorted(ratios), (1 - CONFIDENCE) / 2
    return ordered[int(tail * len(ordered))], ordered[min(int((1 - tail) * len(ordered)), len(ordered) - 1)]
