"""Scores of answers, by metric; and what may never happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.evals.collect import Collected
from optimus_ops.evals.model import Answer, Case, Expectation, JudgeTools, Score, Unanswered


@dataclass(frozen=True, slots=True)
class Checked:
    """What an assertion said of one answer."""

    expectation: Expectation
    score: Score


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer and what it is worth.

    Args:
        scores: by metric, from 0 to 1; a metric that can't be judged is not among them.
        faults: what is wrong, for people.
        broken: invariants that it breaks.
        checks: what each assertion said, in the order of the case's; none where there is no answer.
    """

    collected: Collected
    scores: Mapping[str, float]
    faults: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    checks: tuple[Checked, ...] = ()

    @property
    def answer(self) -> Answer | None:
        """The answer, where there is one."""
        return self.collected.answer


def judge(case: Case, collected: Collected, tools: JudgeTools) -> Judged:
    """Judge an answer by all that its case asserts; without one all scores are missing."""
    answer = collected.answer
    if answer is None:
        return Judged(collected, {})
    scores: dict[str, list[float]] = {}
    faults, broken, checks = [], [], []
    for expectation in case.expectations:
        score = _score(expectation, answer, tools)
        checks.append(Checked(expectation, score))
        if score.value is None:
            continue
        if score.found:
            faults.append(f"{expectation.metric}: {score.found}")
        if expectation.invariant:
            if score.value < 1:
                broken.append(f"{expectation.assertion}: {score.found}")
            continue
        scores.setdefault(expectation.metric, []).append(score.value)
    # All of an answer has to be right.
    worst = {metric: min(values) for metric, values in scores.items()}
    return Judged(collected, worst, tuple(faults), tuple(broken), tuple(checks))


def _score(expectation: Expectation, answer: Answer, tools: JudgeTools) -> Score:
    try:
        return expectation.assertion.judge(answer, tools)
    except Unanswered as error:
        return Score(None, str(error))
