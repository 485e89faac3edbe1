"""What the gate decides, and how often it is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimus_ops.evals.gate.decide import decide, exact_estimate, missing_share, overall, suspected
from optimus_ops.evals.gate.model import CaseScores, GateSettings
from optimus_ops.evals.gate.simulate import Simulated, verdict_shares

SETTINGS = GateSettings()


def cases(worse: int, better: int, same: int) -> list[CaseScores]:
    """Return cases of one answer a side."""
    sides = [(1.0, 0.0)] * worse + [(0.0, 1.0)] * better + [(1.0, 1.0)] * same
    return [CaseScores(str(number), "", (ours,), (theirs,)) for number, (ours, theirs) in enumerate(sides)]


def test_what_the_first_stage_does_not_suspect_is_never_held_against_a_candidate() -> None:
    first = {"correct": cases(6, 4, 190)}

    assert suspected(first, SETTINGS) == ()
    assert [each.verdict for each in decide(first, {}, SETTINGS)] == ["pass"]


def test_a_suspicion_without_a_second_stage_is_no_proof() -> None:
    first = {"correct": cases(30, 0, 170)}

    assert suspected(first, SETTINGS) == ("correct",)
    assert [each.verdict for each in decide(first, {}, SETTINGS)] == ["inconclusive"]


def test_a_suspicion_that_the_second_stage_confirms_fails() -> None:
    first = {"correct": cases(30, 0, 170)}

    (found,) = decide(first, {"correct": cases(25, 2, 173)}, SETTINGS)

    assert found.verdict == "fail"
    assert found.reason.startswith("11.5 points worse")


def test_a_sure_but_tiny_worsening_does_not_block() -> None:
    second = cases(15, 0, 985)

    (found,) = decide({"correct": cases(30, 0, 170)}, {"correct": second}, SETTINGS)

    assert found.estimate.p_value < 0.001
    assert found.verdict == "pass"


def test_too_few_cases_are_inconclusive_and_the_number_that_would_decide_is_told() -> None:
    (found,) = decide({"correct": cases(2, 2, 16)}, {}, SETTINGS)

    assert found.verdict == "inconclusive"
    assert found.estimate.cases_to_decide > 100
    assert f"{found.estimate.cases_to_decide:,} cases would decide" in found.reason


def test_several_metrics_are_corrected_together() -> None:
    borderline = cases(22, 10, 168)
    alone = decide({"a": borderline}, {"a": borderline}, SETTINGS)
    together = decide(dict.fromkeys("abc", borderline), dict.fromkeys("abc", borderline), SETTINGS)

    assert [each.verdict for each in alone] == ["fail"]
    assert [each.verdict for each in together] != ["fail"] * 3
    assert all(each.p_adjusted > each.estimate.p_value for each in together)


def test_answers_that_chance_has_no_part_in_are_taken_as_they_are() -> None:
    worse, better = (
        decide({"a": each}, {}, SETTINGS, deterministic=True)[0] for each in (cases(1, 0, 19), cases(0, 1, 19))
    )

    assert (worse.verdict, worse.estimate.difference, worse.estimate.method) == ("fail", -0.05, "exact")
    assert better.verdict == "pass"
    assert exact_estimate([]).lower == -1


def test_a_case_that_a_side_has_no_answer_to_is_missing() -> None:
    assert missing_share([*cases(0, 0, 3), CaseScores("x", "", (), (1.0,))]) == 0.25
    assert missing_share([]) == 1.0


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "fail", "inconclusive"], "fail"),
        (["pass", "inconclusive"], "inconclusive"),
        (["pass", "pass"], "pass"),
        ([], "inconclusive"),
    ],
)
def test_the_worst_verdict_is_that_of_all(verdicts: list[str], expected: str) -> None:
    assert overall(verdicts) == expected  # type: ignore[arg-type]


# The shares of 10,000 gates are in docs/benchmarks/gate.md; these few would notice a gate that is broken.
@pytest.mark.parametrize("kind", ["right or wrong", "graded", "mostly perfect"])
def test_an_unchanged_prompt_is_hardly_ever_blocked(kind: str) -> None:
    shares = verdict_shares(Simulated("unchanged", 100, kind=kind), 60)  # type: ignore[arg-type]

    assert shares["fail"] <= 0.05


def test_a_clearly_worse_prompt_is_caught() -> None:
    worse = Simulated("worse", 200, change=-0.106)

    assert verdict_shares(worse, 40)["fail"] >= 0.9
    assert verdict_shares(replace(worse, cases=400, cluster=20), 20)["fail"] >= 0.7
