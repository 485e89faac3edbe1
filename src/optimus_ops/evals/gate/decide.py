"""Two stages: a cheap look at all, and fresh answers of both sides only where that look finds a suspicion.

An unchanged prompt is blocked only if both stages are misled, by answers that have nothing to do with one another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from optimus_ops.evals.gate.estimate import estimate
from optimus_ops.evals.gate.holm import holm
from optimus_ops.evals.gate.model import (
    POINTS,
    CaseScores,
    GateSettings,
    GateVerdict,
    MetricVerdict,
    PairedEstimate,
)

Scores = Mapping[str, Sequence[CaseScores]]
"""The scores of all cases, by metric."""
LEAST_SHOWN = 0.001
"""Of p-values."""


def suspected(scores: Scores, settings: GateSettings) -> tuple[str, ...]:
    """Return the metrics that may have got worse, by the first stage: they need a second."""
    found = ((metric, estimate(cases, settings.margin)) for metric, cases in scores.items())
    return tuple(metric for metric, each in found if each.p_value < settings.go_on and each.difference < 0)


def decide(
    first: Scores, second: Scores, settings: GateSettings, *, deterministic: bool = False
) -> tuple[MetricVerdict, ...]:
    """Return the verdict of each metric, from its second stage where it has one.

    Args:
        first: scores of the first stage, of all blocking metrics.
        second: fresh scores of both sides, of the suspected ones.
        settings: what is held against a candidate.
        deterministic: both sides give the same answer each time, so that differences are what they are.
    """
    estimates = [
        exact_estimate(second.get(metric, cases)) if deterministic
        else estimate(second.get(metric, cases), settings.margin, settings.alpha)
        for metric, cases in first.items()
    ]  # fmt: skip
    # Without a second stage nothing is held against a metric.
    p_values = [
        found.p_value if deterministic or metric in second else 1.0
        for metric, found in zip(first, estimates, strict=True)
    ]
    return tuple(
        _verdict(metric, found, p, settings) for metric, found, p in zip(first, estimates, holm(p_values), strict=True)
    )


def exact_estimate(scores: Sequence[CaseScores]) -> PairedEstimate:
    """Return the mean difference of answers that chance has no part in."""
    differences = [each.difference for each in scores if each.is_pair]
    mean = sum(differences) / len(differences) if differences else 0.0
    return PairedEstimate(
        "exact", len(differences), len(differences), mean, 0.0 if mean < 0 else 1.0,
        mean if differences else -1.0, mean if differences else 1.0,
    )  # fmt: skip


def missing_share(scores: Sequence[CaseScores]) -> float:
    """Return the share of cases that lack a side."""
    return sum(not each.is_pair for each in scores) / len(scores) if scores else 1.0


def overall(verdicts: Collection[GateVerdict]) -> GateVerdict:
    """Return the verdict of all: the worst one."""
    return "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts or not verdicts else "pass"


def _verdict(metric: str, found: PairedEstimate, p: float, settings: GateSettings) -> MetricVerdict:
    if p < settings.fail_below and found.difference <= -settings.least:
        return MetricVerdict(
            metric, "fail", found, p, f"{-found.difference * POINTS:.1f} points worse{_sure(found, p)}"
        )
    if not found.cases:
        return MetricVerdict(metric, "inconclusive", found, p, "no case has answers of both sides that were judged")
    points = f"{found.difference * POINTS:+.1f} points{_sure(found, p)}"
    if found.lower > -settings.margin:
        reason = f"{points}, above {-settings.margin * POINTS:+.1f} with {1 - settings.alpha:.0%} confidence"
        return MetricVerdict(metric, "pass", found, p, points if found.method == "exact" else reason)
    reason = f"{points}, but it may be {found.lower * POINTS:+.1f}"
    if found.cases_to_decide > found.cases:
        reason += f": {found.cases_to_decide:,} cases would decide, these are {found.cases:,}"
    return MetricVerdict(metric, "inconclusive", found, p, reason)


def _sure(found: PairedEstimate, p: float) -> str:
    """Return how sure a difference is."""
    if found.method == "exact":
        return " (exact)"
    return f" (p < {LEAST_SHOWN:g})" if p < LEAST_SHOWN else f" (p = {p:.3f})"
