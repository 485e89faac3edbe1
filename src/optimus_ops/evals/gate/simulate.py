"""How often the gate blocks an unchanged prompt, and how often it catches a worse one, by simulation.

Each case has a probability of a right answer, drawn from a beta distribution with the mean and the spread that give
paired differences a variance of 0.30 with one answer a side, as was measured on support questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optimus_ops.evals.gate.decide import decide, missing_share, suspected
from optimus_ops.evals.gate.model import CaseScores, GateSettings, GateVerdict

METRIC = "correct"
RIGHT, WRONG = 12.0, 3.0
"""Parameters of the beta distribution: 80 % right in the mean."""
CACHED, ONCE, FRESH = 5, 1, 4
"""Answers a case: the baseline's kept ones, the candidate's first, and both sides' in the second stage."""
CLUSTER_SPREAD = 0.08
Kind = Literal["right or wrong", "graded", "mostly perfect"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What is simulated.

    Args:
        change: of the probability of a right answer, or of the mean score; -0.106 are 10.6 points worse.
        cluster: cases in a cluster; they share a shift of their probability, and what a change does to them.
        missing: share of answers that end in an error.
    """

    name: str
    cases: int = 200
    change: float = 0.0
    kind: Kind = "right or wrong"
    cluster: int = 1
    missing: float = 0.0
    settings: GateSettings = field(default_factory=GateSettings)


def verdict_shares(simulated: Simulated, runs: int, seed: int = 1) -> dict[GateVerdict, float]:
    """Return the share of each verdict over so many gates."""
    numbers = np.random.default_rng(seed)
    counts = Counter(_verdict(simulated, numbers) for _ in range(runs))
    return {verdict: counts[verdict] / runs for verdict in ("pass", "inconclusive", "fail")}


def _verdict(simulated: Simulated, numbers: np.random.Generator) -> GateVerdict:
    good = _chances(simulated, numbers)
    bad = np.clip(good + simulated.change, 0, 1)
    first = {METRIC: _cases(simulated, good, bad, (CACHED, ONCE), numbers)}
    second = {
        name: _cases(simulated, good, bad, (FRESH, FRESH), numbers) for name in suspected(first, simulated.settings)
    }
    if any(missing_share(each) > simulated.settings.most_missing for each in (*first.values(), *second.values())):
        return "inconclusive"
    return decide(first, second, simulated.settings)[0].verdict


def _chances(simulated: Simulated, numbers: np.random.Generator) -> Numbers:
    chances = numbers.beta(RIGHT, WRONG, simulated.cases)
    if simulated.cluster > 1:
        clusters = -(-simulated.cases // simulated.cluster)
        chances += np.repeat(numbers.normal(0, CLUSTER_SPREAD, clusters), simulated.cluster)[: simulated.cases]
    return np.clip(chances, 0, 1)


def _cases(
    simulated: Simulated, good: Numbers, bad: Numbers, answers: tuple[int, int], numbers: np.random.Generator
) -> Sequence[CaseScores]:
    sides = [
        list(_answers(simulated, chances, count, numbers)) for chances, count in zip((good, bad), answers, strict=True)
    ]
    return [
        CaseScores(str(number), str(number // simulated.cluster) if simulated.cluster > 1 else "", baseline, candidate)
        for number, (baseline, candidate) in enumerate(zip(*sides, strict=True))
    ]


def _answers(
    simulated: Simulated, chances: Numbers, count: int, numbers: np.random.Generator
) -> Iterator[tuple[float, ...]]:
    shape = (simulated.cases, count)
    # What a cluster's cases have in common moves their answers together: a topic that the model is unsure of today.
    if simulated.cluster > 1:
        clusters = -(-simulated.cases // simulated.cluster)
        moods = numbers.normal(0, CLUSTER_SPREAD, clusters)
        chances = np.clip(chances + np.repeat(moods, simulated.cluster)[: simulated.cases], 0, 1)
    match simulated.kind:
        case "right or wrong":
            scores = (numbers.random(shape) < chances[:, None]).astype(float)
        case "graded":
            scores = np.clip(chances[:, None] + numbers.normal(0, 0.15, shape), 0, 1)
        case "mostly perfect":
            scores = np.where(numbers.random(shape) < chances[:, None], 1.0, numbers.random(shape))
    kept = numbers.random(shape) >= simulated.missing
    for row, there in zip(scores.tolist(), kept.tolist(), strict=True):
        yield tuple(score for score, is_there in zip(row, there, strict=True) if is_there)
