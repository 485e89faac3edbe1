"""An evaluation: what is asked, of whom, how often, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.evals.fake_model import FakeModel, collector, rendered, suite

from optimus_ops.errors import Interrupted
from optimus_ops.evals.chat_api import BadKey
from optimus_ops.evals.model import Answer, Unanswered
from optimus_ops.evals.run import EvalArms, EvalRun


def right(_text: str, _number: int) -> Answer:
    return Answer("right", cost=0.01)


def worse_prompt(text: str, _number: int) -> Answer:
    """Answer wrong to every third case of the prompt `bad`."""
    return Answer("wrong" if text.startswith("bad") and int(text.rpartition("-")[2]) % 3 == 0 else "right")


def test_without_a_baseline_each_case_is_asked_once_and_nothing_is_compared(tmp_path: Path) -> None:
    model, cases = FakeModel(right), suite(4)

    result = EvalRun(collector(tmp_path, model)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert sorted(model.asked) == [f"good case-{number}" for number in range(4)]
    assert (result.verdict, result.missing) == ("not compared", 0)
    assert [case.candidate[0].scores for case in result.cases] == [{"correct": 1.0}] * 4


def test_a_worse_prompt_is_suspected_asked_again_on_both_sides_in_turn_and_fails(tmp_path: Path) -> None:
    model, cases = FakeModel(worse_prompt), suite(60)
    arms = EvalArms(cases, rendered(cases, "bad"), rendered(cases, "good"))

    result = EvalRun(collector(tmp_path, model)).evaluate(arms)

    assert result.verdict == "fail"
    assert (model.asked.count("bad case-1"), model.asked.count("good case-1")) == (1 + 4, 5 + 4)
    second = [text.split()[0] for text in model.asked[60 * 6 :]]
    assert second == ["bad", "good"] * (60 * 4)


def test_an_unchanged_prompt_passes_without_a_second_stage(tmp_path: Path) -> None:
    model, cases = FakeModel(right), suite(60)
    arms = EvalArms(cases, rendered(cases, "good"), rendered(cases, "good"))

    result = EvalRun(collector(tmp_path, model)).evaluate(arms)

    assert (result.verdict, result.second) == ("pass", ())
    # What both sides ask is asked once: what didn't change can't differ.
    assert len(model.asked) == 60 * 5


def test_a_deterministic_model_is_asked_once_and_its_differences_are_exact(tmp_path: Path) -> None:
    model, cases = FakeModel(worse_prompt), suite(6)
    arms = EvalArms(cases, rendered(cases, "bad"), rendered(cases, "good"), deterministic=True)

    result = EvalRun(collector(tmp_path, model)).evaluate(arms)

    assert len(model.asked) == 12
    assert (result.verdict, result.metrics[0].estimate.method) == ("fail", "exact")
    assert result.metrics[0].estimate.difference == pytest.approx(-2 / 6)


def test_an_invariant_that_is_broken_once_fails_whatever_else_is(tmp_path: Path) -> None:
    def leak(text: str, number: int) -> Answer:
        return Answer("right CANARY" if text == "new case-3" and number == 3 else "right")

    cases = suite(50, canary="CANARY")
    arms = EvalArms(cases, rendered(cases, "new"), rendered(cases, "good"))

    result = EvalRun(collector(tmp_path, FakeModel(leak)), repeats=3).evaluate(arms)

    assert [each.verdict for each in result.metrics] == ["pass"]
    assert result.verdict == "fail"
    assert [(case.id, found) for case, found in result.broken] == [("case-3", "has nothing of 'CANARY': has 'CANARY'")]


@pytest.mark.parametrize(("lost", "verdict"), [(1, "pass"), (2, "error")])
def test_answers_that_are_missing_are_not_zero_and_too_many_decide_nothing(
    tmp_path: Path, lost: int, verdict: str
) -> None:
    def fails(text: str, _number: int) -> Answer:
        if text.startswith("new") and int(text.rpartition("-")[2]) < lost:
            raise Unanswered("503 Service Unavailable, 4 times")
        return Answer("right")

    cases = suite(60)
    arms = EvalArms(cases, rendered(cases, "new"), rendered(cases, "good"))

    result = EvalRun(collector(tmp_path, FakeModel(fails))).evaluate(arms)

    assert result.verdict == verdict
    assert result.missing == lost / 60
    assert result.metrics[0].estimate.difference == 0
    assert result.cases[0].candidate[0].collected.error == "503 Service Unavailable, 4 times"


def test_after_an_interruption_what_is_there_is_judged_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    def interrupted(text: str, _number: int) -> Answer:
        if text == "good case-5":
            interrupts.limits.interruption = Interrupted(2)
        return Answer("right")

    cases = suite(10)
    first, second = FakeModel(interrupted), FakeModel(right)
    interrupts = collector(tmp_path, first)

    result = EvalRun(interrupts).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert (len(first.asked), result.verdict) == (6, "error")
    assert [bool(case.candidate[0].scores) for case in result.cases] == [True] * 6 + [False] * 4
    assert result.cases[-1].candidate[0].collected.error == "not asked: the run was interrupted"

    again = EvalRun(collector(tmp_path, second)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert (again.missing, sorted(first.asked + second.asked)) == (0, [f"good case-{number}" for number in range(10)])


def test_an_error_of_ours_stops_the_model_and_keeps_what_is_there(tmp_path: Path) -> None:
    model, cases = FakeModel(right), suite(10)
    broken = collector(tmp_path, model)

    def note(done: int, _all: int) -> None:
        if done == 5:
            raise OSError(28, "No space left on device")

    broken.note = note
    with pytest.raises(OSError, match="No space left"):
        EvalRun(broken).evaluate(EvalArms(cases, rendered(cases, "good")))

    again = FakeModel(right)
    EvalRun(collector(tmp_path, again)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert model.stopped
    assert len(again.asked) <= 5


def test_errors_are_never_kept(tmp_path: Path) -> None:
    def fails_once(_text: str, number: int) -> Answer:
        if number == 1:
            raise Unanswered("timed out")
        return Answer("right")

    model, cases = FakeModel(fails_once), suite(1)
    for _ in range(2):
        result = EvalRun(collector(tmp_path, model)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert result.cases[0].candidate[0].scores == {"correct": 1.0}


def test_a_key_that_is_refused_ends_everything(tmp_path: Path) -> None:
    def refused(_text: str, _number: int) -> Answer:
        raise BadKey("it refuses the key: 401 Unauthorized")

    model, cases = FakeModel(refused), suite(10)
    with pytest.raises(BadKey):
        EvalRun(collector(tmp_path, model)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert len(model.asked) < 10


def test_a_budget_that_is_reached_asks_nothing_more_and_says_what_is_decided(tmp_path: Path) -> None:
    model, cases = FakeModel(right), suite(10)

    result = EvalRun(collector(tmp_path, model, budget=0.03)).evaluate(EvalArms(cases, rendered(cases, "good")))

    assert 3 <= len(model.asked) <= 4
    assert result.verdict == "error"
    assert {case.candidate[0].collected.error for case in result.cases[4:]} == {"not asked: the budget is reached"}
