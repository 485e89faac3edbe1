"""The mean of paired differences with its p-value and interval, by the method that the data ask for.

Formulas: cluster-robust variance with the correction C/(C-1) (Cameron and Miller, A Practitioner's Guide to
Cluster-Robust Inference, Journal of Human Resources 50, 2015); McNemar's test with mid-p (Fagerland, Lydersen and
Laake, BMC Medical Research Methodology 13:91, 2013); sign flips for few clusters (Canay, Romano and Shaikh,
Randomization Tests under an Approximate Symmetry Assumption, Econometrica 85, 2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from optimus_ops.evals.gate.distributions import (
    binomial_above,
    normal_quantile,
    student_below,
    student_quantile,
)
from optimus_ops.evals.gate.model import CaseScores, Method, PairedEstimate
from optimus_ops.evals.gate.sign_flip import lower_bound, p_value

FEW_CLUSTERS = 10
POWER = 0.80


def estimate(scores: Iterable[CaseScores], margin: float, alpha: float = 0.05) -> PairedEstimate:
    """Return the estimate of all cases that have both sides.

    Args:
        scores: of all cases.
        margin: difference that `cases_to_decide` is for.
        alpha: of the one-sided bounds.
    """
    pairs = [each for each in scores if each.is_pair]
    differences = [pair.difference for pair in pairs]
    sums = _cluster_sums(pairs, differences)
    if len(sums) < 2:
        return PairedEstimate("paired t", len(pairs), len(sums), _mean(differences), 1.0, -1.0, 1.0)
    mean = _mean(differences)
    clustered = len(sums) < len(pairs)
    squares = math.fsum((total - size * mean) ** 2 for total, size in sums.values())
    error = math.sqrt(len(sums) / (len(sums) - 1) * squares) / len(pairs)
    method: Method
    variance = math.fsum((each - mean) ** 2 for each in differences) / (len(pairs) - 1)
    half = student_quantile(len(sums) - 1, 1 - alpha) * _interval_error(error, len(pairs))
    lower, upper = mean - half, mean + half
    if len(sums) < FEW_CLUSTERS:
        totals = list(sums.values())
        p, method = p_value(totals), "sign flip by cluster"
        # The wider interval: of five cases that all agree, flips alone would say that none can differ.
        lower = min(lower, lower_bound(totals, alpha))
        upper = max(upper, -lower_bound([(-total, size) for total, size in totals], alpha))
    else:
        method, p = _p_value(pairs, mean, error, len(sums) - 1, clustered=clustered)
    needed = _cases_to_decide(error**2 * len(pairs), margin, alpha)
    return PairedEstimate(method, len(pairs), len(sums), mean, p, max(lower, -1.0), min(upper, 1.0), variance, needed)


def _p_value(
    pairs: Sequence[CaseScores], mean: float, error: float, degrees: int, *, clustered: bool
) -> tuple[Method, float]:
    if not clustered and all(pair.is_binary for pair in pairs):
        worse = sum(pair.difference < 0 for pair in pairs)
        better = sum(pair.difference > 0 for pair in pairs)
        return "McNemar mid-p", mcnemar_mid_p(worse, better)
    method: Method = "clustered t" if clustered else "paired t"
    if error == 0:
        return method, 0.0 if mean < 0 else 1.0
    return method, student_below(degrees, mean / error)


def mcnemar_mid_p(worse: int, better: int) -> float:
    """Return the one-sided mid-p value of so many cases that got worse, and better; 1 where none changed."""
    changed = worse + better
    if not changed:
        return 1.0
    more = binomial_above(worse, changed, 0.5) if worse < changed else 0.0
    exactly = math.comb(changed, worse) * 0.5**changed if changed < 1000 else _binomial_mass(worse, changed)
    return more + exactly / 2


def _binomial_mass(successes: int, trials: int) -> float:
    logarithm = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return math.exp(logarithm - trials * math.log(2))


def _interval_error(error: float, cases: int) -> float:
    """Return the standard error for an interval: of cases that all agree, the next may still differ.

    As if half a case more had got worse and half a one better (Agresti and Min, Simple Improved Confidence Intervals
    for Comparing Matched Proportions, Statistics in Medicine 24, 2005).
    """
    return math.hypot(error, 1 / (cases + 2))


def _cases_to_decide(variance: float, margin: float, alpha: float) -> int:
    """Return the cases for a power of 80 %: the variance of the mean times the cases counts what clusters cost."""
    quantiles = normal_quantile(1 - alpha) + normal_quantile(POWER)
    return math.ceil(quantiles**2 * variance / margin**2)


def _cluster_sums(
    pairs: Sequence[CaseScores], differences: Sequence[float]
) -> Mapping[tuple[str, str], tuple[float, int]]:
    """Return the sum and the number of the differences of each cluster; a case without one is its own."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for pair, difference in zip(pairs, differences, strict=True):
        key = ("cluster", pair.cluster) if pair.cluster else ("case", pair.case)
        total, size = sums.get(key, (0.0, 0))
        sums[key] = total + difference, size + 1
    return sums


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
