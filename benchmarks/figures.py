"""Figures out of samples, and their verdicts: pure functions."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Verdict(Enum):
    """Whether a target was reached."""

    MET = "met"
    MISSED = "**missed**"
    UNMEASURED = "**not measured**"


@dataclass(frozen=True)
class Target:
    """A bound that a figure has to keep.

    Args:
        bound: the number.
        unit: as it is shown behind numbers; empty for a ratio.
        at_least: whether figures above the bound are good; else those below.
    """

    bound: float
    unit: str = ""
    at_least: bool = False

    def verdict(self, measured: float | None) -> Verdict:
        """Compare; the bound itself is good, what is not a number is not measured."""
        if measured is None or math.isnan(measured):
            return Verdict.UNMEASURED
        good = measured >= self.bound if self.at_least else measured <= self.bound
        return Verdict.MET if good else Verdict.MISSED

    def __str__(self) -> str:
        """Return the bound as people write it."""
        return f"{'at least' if self.at_least else 'at most'} {shown(self.bound, self.unit)}"


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    Args:
        what: what was measured.
        measured: the number, in the target's unit; None if there is none.
        target: what is wanted.
        basis: what the number was made from: repetitions, the numbers behind it.
    """

    what: str
    measured: float | None
    target: Target
    basis: str

    @property
    def verdict(self) -> Verdict:
        """Return the verdict, from nothing but the number."""
        return self.target.verdict(self.measured)


def shown(number: float, unit: str = "") -> str:
    """Return a number with its unit: three significant digits, whole from 100 on."""
    text = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return f"{text} {unit}" if unit else text


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of all samples do not exceed (the nearest-rank definition).

    Args:
        samples: in any order.
        share: above 0, up to 1.

    Raises:
        ValueError: there are no samples, or the share is out of bounds.
    """
    if not samples or not 0 < share <= 1:
        raise ValueError(f"no {share} quantile of {len(samples)} samples")
    ordered = sorted(samples)
    # A product like 0.29 * 100 is a little above 29: it shall not count as the next rank.
    return ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1]


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Return count, extremes and quantiles of samples, rounded to six digits behind the point."""
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
    quantiles = {name: quantile(samples, share) for name, share in shares.items()}
    numbers = {"minimum": min(samples), **quantiles, "maximum": max(samples)}
    return {"count": len(samples), **{name: round(number, 6) for name, number in numbers.items()}}


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the pairs' ratios: what disturbed both of a pair alike drops out.

    Raises:
        ValueError: the lengths differ, or there are no pairs.
    """
    if not ours:
        raise ValueError("no pairs")
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def median_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the pairs' differences.

    Raises:
        ValueError: the lengths differ, or there are no pairs.
    """
    if not ours:
        raise ValueError("no pairs")
    return statistics.median(our - their for our, their in zip(ours, theirs, strict=True))


def rounded(samples: Sequence[float], digits: int = 4) -> list[float]:
    """Return the samples as they stand in the JSON file."""
    return [round(sample, digits) for sample in samples]


def cpu_shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Return how many cores each used between two readings of its processor seconds; who is in one only is left out."""
    return {name: round((after[name] - spent) / seconds, 3) for name, spent in before.items() if name in after}
