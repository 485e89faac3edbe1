"""What became of a case: the word that people see first, and the order in which they want to see cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from optimus_ops.evals.gate.model import POINTS
from optimus_ops.evals.judge import Judged
from optimus_ops.evals.result import CaseResult, SuiteResult
from optimus_ops.reports.spans import Span, Tone

CaseState = Literal["breaks an invariant", "worse", "missing", "wrong", "changed", "better", "right"]
TONES: Mapping[CaseState, Tone] = {
    "breaks an invariant": "bad", "worse": "bad", "missing": "warn", "wrong": "warn", "changed": "plain",
    "better": "good", "right": "soft",
}  # fmt: skip
"""In the order in which they are shown. `wrong` is no worse than before; `changed` has other words, and is as right."""


def case_state(case: CaseResult, suite: SuiteResult) -> CaseState:
    """Return what became of a case."""
    if case.broken:
        return "breaks an invariant"
    if case.is_missing:
        return "missing"
    if difference := case_difference(case, suite):
        return "worse" if difference < 0 else "better"
    if any(judged.faults for judged in case.candidate):
        return "wrong"
    return "changed" if case.baseline and answer_text(case.candidate) != answer_text(case.baseline) else "right"


def case_difference(case: CaseResult, suite: SuiteResult) -> float:
    """Return the difference of the blocking metric that got worst; of all of them the best, where none got worse."""
    found = [scores.difference for metric in suite.suite.blocking if (scores := case.scores(metric)).is_pair]
    return min((each for each in found if each < 0), default=max(found, default=0.0))


def state_span(case: CaseResult, suite: SuiteResult) -> Span:
    """Return the state for people: "worse by 100"."""
    state = case_state(case, suite)
    by = f" by {abs(case_difference(case, suite)) * POINTS:.0f}" if state in {"worse", "better"} else ""
    return Span(f"{state}{by}", TONES[state])


def cases_in_order(results: Sequence[SuiteResult]) -> list[tuple[SuiteResult, CaseResult]]:
    """Return all cases of the stage that decided, those that need to be looked at first."""
    order = list(TONES)
    both = ((result, case) for result in results for case in decisive_cases(result))
    return sorted(
        both,
        key=lambda each: (
            order.index(case_state(each[1], each[0])), case_difference(each[1], each[0]), each[0].suite.name,
        ),
    )  # fmt: skip


def decisive_cases(result: SuiteResult) -> tuple[CaseResult, ...]:
    """Return the cases of the second stage where there was one, else those of the first; broken ones of both."""
    if not result.second:
        return result.cases
    broken = {case.case.id: case for case in result.cases if case.broken}
    return tuple(case if case.broken else broken.get(case.case.id, case) for case in result.second)


def shown_answer(side: Sequence[Judged], *, fault: bool = False) -> Judged:
    """Return the answer that is shown of a side: the first; or, where faults are looked for, the first that has one."""
    answered = [judged for judged in side if judged.answer] or list(side)
    wrong = [*(each for each in answered if each.broken), *(each for each in answered if each.faults)]
    return wrong[0] if fault and wrong else answered[0]


def answer_text(side: Sequence[Judged], *, fault: bool = False) -> str:
    """Return the text of the answer that is shown of a side, or why there is none."""
    judged = shown_answer(side, fault=fault)
    return judged.answer.text if judged.answer else f"(no answer: {judged.collected.error})"
