"""Measurements and objectives: numbers with their samples, and what they have to reach."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Comparison = Literal["under", "at most", "at least"]
ObjectiveVerdict = Literal["met", "missed", "not measured"]


def percentile(samples: Iterable[float], percent: float) -> float:
    """Return the smallest sample that at least `percent` of all samples do not exceed (nearest rank).

    Raises ValueError without samples, or where `percent` is not above 0 and up to 100.
    """
    ordered = sorted(samples)
    if not ordered or not 0 < percent <= 100:
        raise ValueError(f"no {percent:g}th percentile of {len(ordered)} samples")
    # A product like 29 * 100 / 100 may be a little above 29: it must not count as the next rank.
    return ordered[max(math.ceil(percent * len(ordered) / 100 - 1e-9), 1) - 1]


def samples_needed(percent: float) -> int:
    """Return the number of samples from which on a percentile is another one than the largest sample."""
    return math.ceil(100 / (100 - percent) - 1e-9) if percent < 100 else 1


def format_number(number: float, unit: str = "") -> str:
    """Return a number with its unit: three significant digits, whole from 100 on."""
    if not math.isfinite(number):
        return str(number)
    text = f"{number:,.0f}" if abs(number) >= 99.95 else f"{number:.3g}"
    return f"{text} {unit}" if unit else text


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured quantity with the samples that it was made of.

    The value is the figure that stands for it, such as the median; None where nothing was measured.
    """

    name: str
    value: float | None
    unit: str = ""
    samples: tuple[float, ...] = ()

    @classmethod
    def median(cls, name: str, samples: Sequence[float], unit: str = "") -> Measurement:
        """Return the median of samples, with the samples."""
        return cls(name, statistics.median(samples) if samples else None, unit, tuple(samples))

    def percentile(self, percent: float) -> float | None:
        """Return a percentile, or None of too few samples: 20 are needed for the 95th, 100 for the 99th."""
        if len(self.samples) < samples_needed(percent):
            return None
        return percentile(self.samples, percent)


@dataclass(frozen=True, slots=True)
class Objective:
    """A bound for a figure; one that is missed is reported, and decides nothing by itself.

    `measured` is None or NaN where it could not be; `basis` says what the figure was made of: "20 runs".
    """

    name: str
    comparison: Comparison
    bound: float
    measured: float | None
    unit: str = ""
    basis: str = ""

    @property
    def verdict(self) -> ObjectiveVerdict:
        """Whether the bound is kept."""
        if self.measured is None or math.isnan(self.measured):
            return "not measured"
        match self.comparison:
            case "under":
                met = self.measured < self.bound
            case "at most":
                met = self.measured <= self.bound
            case "at least":
                met = self.measured >= self.bound
        return "met" if met else "missed"

    @property
    def target(self) -> str:
        """The bound, for people: "under 10 s"."""
        return f"{self.comparison} {format_number(self.bound, self.unit)}"

    @property
    def measured_text(self) -> str:
        """The figure, for people."""
        if self.measured is None or math.isnan(self.measured):
            return "-"
        return format_number(self.measured, self.unit)


def count_verdicts(objectives: Iterable[Objective]) -> str:
    """Return a sum: "5 of 7 objectives met, 1 missed, 1 not measured"."""
    verdicts = [objective.verdict for objective in objectives]
    parts = [f"{verdicts.count('met')} of {len(verdicts)} objectives met"]
    parts += [f"{verdicts.count(word)} {word}" for word in ("missed", "not measured") if word in verdicts]
    return ", ".join(parts)
