"""What the gate compares, what it is set to, and what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

GateVerdict = Literal["pass", "fail", "inconclusive"]
Method = Literal["clustered t", "paired t", "McNemar mid-p", "sign flip by cluster", "exact"]
POINTS = 100.0
"""Scores are from 0 to 1; people read them in percentage points."""


@dataclass(frozen=True, slots=True)
class CaseScores:
    """The scores of one case by one metric, each from 0 (worst) to 1, a number for each repeat.

    A repeat that ended in an error is not among them: it is missing, which is not zero.

    Args:
        cluster: cases that stand or fall together, such as turns of one conversation; "" for a case by itself.
    """

    case: str
    cluster: str
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]

    @property
    def is_pair(self) -> bool:
        """Whether both sides have a score."""
        return bool(self.baseline and self.candidate)

    @property
    def difference(self) -> float:
        """Mean of the candidate less mean of the baseline; NaN where a side has no score."""
        if not self.is_pair:
            return math.nan
        return math.fsum(self.candidate) / len(self.candidate) - math.fsum(self.baseline) / len(self.baseline)

    @property
    def is_binary(self) -> bool:
        """Whether each side is one score of 0 or 1."""
        return all(len(side) == 1 and side[0] in (0.0, 1.0) for side in (self.baseline, self.candidate))


@dataclass(frozen=True, slots=True)
class PairedEstimate:
    """The mean paired difference of a metric and how sure it is.

    Args:
        cases: pairs that it is made of.
        p_value: one-sided, of no worsening; small where the candidate is worse. 1 where it can't be known.
        lower: bound below which the true difference lies with a probability of at most `alpha`; -1 where unknown.
        upper: the same above.
        variance: of a case's difference.
        cases_to_decide: cases that would tell a difference of the margin from none with a power of 80 %.
    """

    method: Method
    cases: int
    clusters: int
    difference: float
    p_value: float
    lower: float
    upper: float
    variance: float = 0.0
    cases_to_decide: int = 0


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What the gate holds against a candidate; differences as shares of 1, so 0.02 are 2 points.

    Args:
        fail_below: p-value of the second stage below which a worsening is proven, over all blocking metrics. With
            `go_on`, about 0.8 % of unchanged prompts are blocked; 0.20 and 0.05 block a little over 1 %.
        alpha: of the one-sided bounds.
        go_on: p-value below which the second stage is run.
        least: a worsening below it does not block, however sure it is.
        margin: PASS needs the difference to be above its negative (non-inferiority).
        most_missing: share of cases without a pair above which nothing is decided.
    """

    fail_below: float = 0.03
    alpha: float = 0.05
    go_on: float = 0.25
    least: float = 0.02
    margin: float = 0.05
    most_missing: float = 0.02


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """What the gate says of one metric, and why.

    Args:
        p_adjusted: p-value after Holm's correction over the blocking metrics.
        reason: a sentence for people.
    """

    metric: str
    verdict: GateVerdict
    estimate: PairedEstimate
    p_adjusted: float
    reason: str
