"""Arrival rates that are piecewise linear, and Poisson processes of them.

Independent users make a Poisson process; one with a rate that changes is made by inversion of the cumulative rate
(https://en.wikipedia.org/wiki/Inhomogeneous_Poisson_point_process).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Stage:
    """A time since the begin of the load, in seconds, and the arrivals per second then; linear between stages."""

    at: float
    rate: float


def expected_arrivals(stages: Sequence[Stage], seconds: float) -> float:
    """Return the mean of the number of arrivals within a time: the integral of the rate."""
    return sum(_area(first, last) for first, last in _segments(stages, seconds))


def peak_rate(stages: Sequence[Stage]) -> float:
    """Return the highest rate."""
    return max((stage.rate for stage in stages), default=0.0)


def rate_at(stages: Sequence[Stage], at: float) -> float:
    """Return the rate at a time."""
    for first, last in _segments(stages, math.inf):
        if first.at <= at < last.at:
            if math.isinf(last.at):
                return first.rate
            return first.rate + (last.rate - first.rate) * (at - first.at) / (last.at - first.at)
    return 0.0


def poisson_times(stages: Sequence[Stage], seconds: float, numbers: random.Random) -> Iterator[float]:
    """Give the times of arrivals within a time, in order; the last rate stays."""
    due, passed = numbers.expovariate(1.0), 0.0
    for first, last in _segments(stages, seconds):
        area = _area(first, last)
        while due < passed + area:
            yield _when(first, last, due - passed)
            due += numbers.expovariate(1.0)
        passed += area


def _segments(stages: Sequence[Stage], seconds: float) -> Iterator[tuple[Stage, Stage]]:
    """Give neighbours of stages up to a time; the last rate stays."""
    if not stages:
        return
    for first, last in pairwise((*stages, Stage(math.inf, stages[-1].rate))):
        if first.at >= seconds or last.at <= first.at:
            continue
        if last.at > seconds:
            slope = 0.0 if math.isinf(last.at) else (last.rate - first.rate) / (last.at - first.at)
            yield first, Stage(seconds, first.rate + slope * (seconds - first.at))
        else:
            yield first, last


def _area(first: Stage, last: Stage) -> float:
    return (first.rate + last.rate) / 2 * (last.at - first.at)


def _when(first: Stage, last: Stage, area: float) -> float:
    """Return the time at which the integral of the rate, from the first stage on, is `area`."""
    slope = (last.rate - first.rate) / (last.at - first.at)
    if abs(slope) < 1e-9:
        return first.at + area / first.rate
    # The root of slope/2 t² + rate t = area that is in the segment.
    root = math.sqrt(max(first.rate**2 + 2 * slope * area, 0.0))
    return min(first.at + (root - first.rate) / slope, last.at)
