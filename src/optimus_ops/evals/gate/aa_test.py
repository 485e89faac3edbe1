"""How often the gate blocks a prompt that is compared with itself, by real answers (an A/A test).

All answers to a case come from the same prompt, so whoever is called baseline and candidate is as good as any other
choice: gates are drawn by shuffling the answers of each case anew.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from optimus_ops.evals.gate.decide import decide, overall, suspected
from optimus_ops.evals.gate.distributions import normal_quantile
from optimus_ops.evals.gate.model import CaseScores, GateSettings, GateVerdict

SEED = 1


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Answers a case: the baseline's kept ones, the candidate's first, and each side's of the second stage."""

    baseline: int
    candidate: int
    second: int

    @property
    def all(self) -> int:
        """Of one gate."""
        return self.baseline + self.candidate + 2 * self.second


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case, and the scores of each of its answers by metric."""

    case: str
    cluster: str
    answers: tuple[Mapping[str, float], ...]


def draw_gates(
    cases: Sequence[ScoredCase], metrics: Sequence[str], counts: AnswerCounts, settings: GateSettings, gates: int
) -> Counter[GateVerdict]:
    """Return the verdicts of so many gates; the same answers give the same ones each time."""
    # Not for secrets: draws have to be the same each time.
    random = Random(SEED)  # noqa: S311
    return Counter(_one_gate(cases, metrics, counts, settings, random) for _ in range(gates))


def rate_interval(hits: int, tries: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share by Wilson's score (JASA 22, 1927)."""
    z = normal_quantile((1 + confidence) / 2)
    share, weight = hits / tries, z**2 / tries
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / tries + weight / (4 * tries)) / (1 + weight)
    return (max(middle - half, 0.0) if hits else 0.0), (min(middle + half, 1.0) if hits < tries else 1.0)


def _one_gate(
    cases: Sequence[ScoredCase], metrics: Sequence[str], counts: AnswerCounts, settings: GateSettings, random: Random
) -> GateVerdict:
    drawn = [(case, random.sample(case.answers, len(case.answers))) for case in cases]
    first, later = (0, counts.baseline, counts.baseline + counts.candidate), counts.baseline + counts.candidate
    second = (later, later + counts.second, counts.all)
    scores = {metric: _scores(drawn, metric, first) for metric in metrics}
    doubted = suspected(scores, settings)
    return overall(
        [
            each.verdict
            for each in decide(scores, {metric: _scores(drawn, metric, second) for metric in doubted}, settings)
        ]
    )


def _scores(
    drawn: Sequence[tuple[ScoredCase, Sequence[Mapping[str, float]]]], metric: str, ends: tuple[int, int, int]
) -> list[CaseScores]:
    start, middle, end = ends
    return [
        CaseScores(case.case, case.cluster, _of(metric, answers[start:middle]), _of(metric, answers[middle:end]))
        for case, answers in drawn
    ]


def _of(metric: str, answers: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
    return tuple(each[metric] for each in answers if metric in each)
