"""Figures out of samples: pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from optimus_ops.reports.measurement import Objective, format_number

T = TypeVar("T")
CONFIDENCE = 0.95


def interleave(ways: Sequence[Callable[[], T]], count: int) -> list[list[T]]:
    """Call all ways `count` times, each first in turn (A B, B A, …), so that what else the machine does falls on all.

    Return the results of each way; those with one index belong together.
    """
    results: list[list[T]] = [[] for _ in ways]
    for number in range(count):
        for index in range(len(ways))[:: -1 if number % 2 else 1]:
            results[index].append(ways[index]())
    return results


def paired(ours: Sequence[float], theirs: Sequence[float], compare: Callable[[float, float], float]) -> list[float]:
    """Compare the samples of each pair, of which there has to be one: what disturbed both of a pair alike drops out."""
    if not ours:
        raise ValueError("no pairs")
    return [compare(our, their) for our, their in zip(ours, theirs, strict=True)]


def ratio_objective(name: str, most: float, ours: Sequence[float], theirs: Sequence[float]) -> Objective:
    """Return the median of the pairs' ratios as an objective, for seconds that belong together in pairs."""
    ratios = paired(ours, theirs, lambda our, their: our / their)
    interval = median_interval(ratios)
    certain = f"95 % interval {interval[0]:.2f} to {interval[1]:.2f}" if interval else "too few for an interval"
    medians = " and ".join(format_number(statistics.median(seconds), "s") for seconds in (ours, theirs))
    basis = f"{len(ratios)} pairs, {certain}; medians {medians}"
    return Objective(name, "at most", most, statistics.median(ratios), basis=basis)


def median_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the pairs' differences."""
    return statistics.median(paired(ours, theirs, lambda our, their: our - their))


def median_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return a confidence interval of the median, whatever the distribution; None of too few samples.

    From the k-th smallest to the k-th largest sample, where k follows from the binomial distribution, as in the sign
    test. A confidence of 95 % takes 6 samples.
    """
    ordered, count = sorted(samples), len(samples)
    outside, rank = 0.0, 0
    while (outside := outside + math.comb(count, rank) / 2**count) <= (1 - confidence) / 2:
        rank += 1
    return (ordered[rank - 1], ordered[count - rank]) if rank else None


def cpu_shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Return how many cores each used between two readings of its processor seconds; who is in one only is left out."""
    return {name: round((after[name] - spent) / seconds, 3) for name, spent in before.items() if name in after}
