from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.loadtest.results import KEY, PROFILE, QUIET, result_of, second

from optimus_ops.loadtest.fairness import fairness_ratio, jain_index, tenant_shares
from optimus_ops.loadtest.judgement import achieved_share, judge
from optimus_ops.loadtest.model import FairnessRule, Threshold, WorkerFacts
from optimus_ops.loadtest.records import FlowKey

GOOD = [second(number, [0.01] * 10) for number in range(10)]


def test_a_good_run() -> None:
    judgement = judge(result_of(GOOD))
    assert judgement.ok
    assert [check.verdict for check in judgement.checks] == ["ok", "ok", "ok"]


@pytest.mark.parametrize(("cpu", "valid"), [(0.84, True), (0.86, False), (1.0, False)])
def test_a_generator_that_was_short_of_processor_makes_it_invalid(cpu: float, valid: bool) -> None:
    judgement = judge(result_of(GOOD, workers=(WorkerFacts(0, (0.1, *(cpu,) * 9)),)))
    assert judgement.ok is valid


def test_one_busy_second_does_not() -> None:
    assert judge(result_of(GOOD, workers=(WorkerFacts(0, (0.2,) * 19 + (1.0,)),))).ok


@pytest.mark.parametrize(("missing", "valid"), [(0, True), (2, True), (3, False), (100, False)])
def test_less_than_98_percent_of_what_was_due_makes_it_invalid(missing: int, valid: bool) -> None:
    result = result_of(GOOD, missing=missing)
    assert achieved_share(result) == 100 / (100 + missing)
    assert judge(result).ok is valid


@pytest.mark.parametrize(("late", "verdict"), [(0.001, "ok"), (0.1, "warning")])
def test_a_generator_that_woke_up_late_is_a_warning(late: float, verdict: str) -> None:
    judgement = judge(result_of(GOOD, workers=(WorkerFacts(0, (0.2,) * 9, timer_delays=(late,) * 9),)))
    assert [check.verdict for check in judgement.checks if check.name == "timers"] == [verdict]
    assert judgement.ok


def test_nothing_due_is_invalid() -> None:
    assert "no request was due" in judge(result_of([])).invalid[0].found


@pytest.mark.parametrize(
    ("figure", "most", "kept"),
    [("p95", 0.05, True), ("p95", 0.005, False), ("failures", 0.1, True), ("failures", 0.05, False)],
)
def test_thresholds(figure: str, most: float, kept: bool) -> None:
    profile = replace(PROFILE, thresholds=(Threshold(KEY, figure, most),))
    judgement = judge(result_of([second(0, [0.01] * 90, failed=10)], profile=profile))
    assert judgement.ok is kept


def test_a_threshold_of_what_was_not_measured_is_not_kept() -> None:
    for key, figure in ((FlowKey("stream", "acme"), "p95"), (KEY, "first-token-p95")):
        profile = replace(PROFILE, thresholds=(Threshold(key, figure, 1.0),))
        assert not judge(result_of(GOOD, profile=profile)).ok


def test_fairness_compares_the_quiet_tenant_beside_the_flood_with_itself_alone() -> None:
    alone = [second(number, [0.010] * 5, QUIET) for number in range(5)]
    beside = [second(number, [0.018] * 5, QUIET) for number in range(5, 10)]
    flood = [second(number, [2.0] * 50) for number in range(5, 10)]
    rule = FairnessRule("globex", begins=5, most=1.5)
    result = result_of([*alone, *beside, *flood], profile=replace(PROFILE, fairness=rule))
    ratio = fairness_ratio(result, rule)
    assert ratio is not None
    assert abs(ratio - 1.8) < 0.02
    assert [objective.verdict for objective in judge(result).missed] == ["missed"]


def test_jains_index_of_shares() -> None:
    assert jain_index([1, 1, 1]) == 1
    assert jain_index([1, 0, 0, 0]) == 0.25
    assert jain_index([0, 0]) is None


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=20))
def test_jains_index_is_between_one_of_all_and_one(shares: list[float]) -> None:
    index = jain_index(shares)
    assert index is not None
    assert 1 / len(shares) - 1e-9 <= index <= 1 + 1e-9


def test_a_tenants_share_is_of_what_it_wanted() -> None:
    found = tenant_shares(result_of([second(0, [0.1] * 90, failed=10), second(0, [0.1] * 5, QUIET)]))
    assert found == {"acme": 0.9, "globex": 1.0}
