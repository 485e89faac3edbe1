"""What an evaluation came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from optimus_ops.evals.gate.decide import overall
from optimus_ops.evals.gate.model import CaseScores, GateSettings, MetricVerdict
from optimus_ops.evals.judge import Judged
from optimus_ops.evals.model import Case, Suite

SuiteVerdict = Literal["pass", "fail", "inconclusive", "error", "not compared"]
WORST: Sequence[SuiteVerdict] = ("fail", "error", "inconclusive", "pass", "not compared")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with the answers of both sides, in the order of their repeats; no baseline's where none is compared."""

    case: Case
    candidate: tuple[Judged, ...]
    baseline: tuple[Judged, ...] = ()

    def scores(self, metric: str) -> CaseScores:
        """Return both sides' scores of a metric."""
        sides = [
            tuple(each.scores[metric] for each in side if metric in each.scores)
            for side in (self.baseline, self.candidate)
        ]
        return CaseScores(self.case.id, self.case.cluster, *sides)

    @property
    def broken(self) -> tuple[str, ...]:
        """Invariants that the candidate breaks in any of its answers."""
        return tuple(dict.fromkeys(each for judged in self.candidate for each in judged.broken))

    @property
    def is_missing(self) -> bool:
        """Whether a side that was asked has no answer at all."""
        return any(side and not any(judged.answer for judged in side) for side in (self.candidate, self.baseline))


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A suite's cases, and the gate's verdict of each blocking metric; none where nothing is compared.

    Args:
        second: cases of the second stage, where there was one.
    """

    suite: Suite
    cases: tuple[CaseResult, ...]
    second: tuple[CaseResult, ...] = ()
    metrics: tuple[MetricVerdict, ...] = ()
    settings: GateSettings = field(default_factory=GateSettings)

    @property
    def broken(self) -> tuple[tuple[Case, str], ...]:
        """Invariants that the candidate breaks, and where."""
        both = (*self.cases, *self.second)
        return tuple({(found.case.id, each): (found.case, each) for found in both for each in found.broken}.values())

    @property
    def missing(self) -> float:
        """The share of cases that a side has no answer to."""
        return max(
            (sum(result.is_missing for result in stage) / len(stage) for stage in (self.cases, self.second) if stage),
            default=0.0,
        )

    @property
    def verdict(self) -> SuiteVerdict:
        """What the gate says of the suite: a broken invariant fails, whatever else is."""
        if self.broken:
            return "fail"
        if self.missing > self.settings.most_missing:
            return "error"
        return overall([each.verdict for each in self.metrics]) if self.metrics else "not compared"


def metric_scores(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, list[CaseScores]]:
    """Return the scores of those cases that assert a metric, by metric; not of cases that no baseline was asked."""
    return {
        metric: [
            result.scores(metric)
            for result in results
            if result.baseline
            and any(each.metric == metric and not each.invariant for each in result.case.expectations)
        ]
        for metric in metrics
    }


def worst(results: Sequence[SuiteResult]) -> SuiteVerdict:
    """Return the verdict of all suites: the worst one."""
    found = {result.verdict for result in results}
    return next((verdict for verdict in WORST if verdict in found), "not compared")
