"""Figures over several runs."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redis.drill.records import CHAT, NEAR, PLAIN, WAITING, failover, recording, steady, write

from optimus_ops.redis.drill.faults import FAULTS
from optimus_ops.redis.drill.figures import ENOUGH_FOR_P95, figures, median_run, spread
from optimus_ops.redis.drill.outcomes import Outcome, outcome
from optimus_ops.redis.drill.targets import Target, targets

KILL, CONTROL = FAULTS[0], FAULTS[-1]
seconds = st.lists(st.floats(0, 100), min_size=1, max_size=60)


def run_with(outage: float, lost: int = 0) -> Outcome:
    writes = [*steady(98.0, 99.9), *steady(99.9 + outage, 106.0, node="two")]
    return outcome(KILL, recording(writes, lost=[one.id for one in writes[:lost]]), 2.0)


@given(seconds)
def test_a_spread_is_in_order_and_within_its_values(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    p95 = found.most if found.p95 is None else found.p95
    assert min(values) <= found.p50 <= p95 <= found.most == max(values)


@given(st.lists(st.floats(0, 100), min_size=ENOUGH_FOR_P95, max_size=60))
def test_at_most_a_twentieth_of_the_values_is_above_p95(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    p95 = found.p95
    assert p95 is not None
    assert p95 in values
    assert sum(value > p95 for value in values) <= len(values) / 20


@given(st.lists(st.floats(0, 100), min_size=1, max_size=ENOUGH_FOR_P95 - 1))
def test_of_too_few_runs_there_is_no_p95(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    assert found.p95 is None


def test_runs_without_a_figure_are_left_out() -> None:
    found = spread([None, 2.0, None, 1.0])

    assert found is not None
    assert (found.count, found.p50, found.most) == (2, 1.5, 2.0)
    assert spread([None]) is None


def test_figures_tell_outages_losses_and_elections() -> None:
    found = figures(KILL, [run_with(1.0), run_with(1.5, lost=2), run_with(2.5, lost=3)])

    assert found.outages["plain"].p50 == pytest.approx(1.5)
    assert found.outages["plain"].most == pytest.approx(2.5)
    assert found.lost["plain"] == (5, 3)
    assert found.elections == {1: 3}
    assert (found.runs, found.good) == (3, 3)


def test_targets_are_reached_below_their_figure_only() -> None:
    found = figures(KILL, [*(run_with(1.0) for _ in range(18)), run_with(3.5), run_with(3.5)])

    assert [(one.what, one.reached) for one in targets([found]) if "plain" in one.what] == [
        ("kill: outage of plain writes, p50", True),
        ("kill: outage of plain writes, p95", False),
    ]


def test_a_p95_of_few_runs_is_not_measured_and_says_how_many_it_takes() -> None:
    [_, found] = [one for one in targets([figures(KILL, [run_with(1.0)] * 3)]) if "plain" in one.what]

    assert (found.verdict, found.shown) == ("not measured", "-")
    assert found.source == "3 runs; p95 needs 20"


def test_a_target_that_could_not_be_measured_is_missed() -> None:
    assert not Target("outage", "under", 2.0, None, " s", "20 runs").reached


@pytest.mark.parametrize(
    ("sense", "reached"),
    [("under", (True, False, False)), ("at most", (True, True, False)), ("at least", (False, True, True))],
)
def test_the_sense_of_a_target_decides(
    sense: Literal["under", "at most", "at least"], reached: tuple[bool, ...]
) -> None:
    assert tuple(Target("x", sense, 1, found, "", "").reached for found in (0, 1, 2)) == reached


def test_a_second_election_and_a_lost_waited_for_write_miss_their_targets() -> None:
    again = [*failover(), *failover("s2", epoch=3, after=2.0)]
    writes = [*steady(98.0, 106.0, kind=WAITING)]
    runs = [
        outcome(KILL, recording(writes), 2.0),
        outcome(KILL, recording(writes, events=again, lost=[writes[0].id]), 2.0),
    ]

    found = {one.what: one.found for one in targets([figures(KILL, runs)])}

    assert found["kill: runs with more or fewer than one election"] == 1
    assert found["acknowledged WAIT writes that were lost"] == 1


def test_requests_that_failed_are_a_target_of_faults_in_which_services_go_on() -> None:
    writes = [*steady(98.0, 106.0, kind=CHAT), write("late", 104.0, "indeterminate", kind=CHAT)]
    run = outcome(KILL, recording(writes, kinds=[PLAIN, CHAT]), 2.0)

    [found] = [one for one in targets([figures(KILL, [run])]) if "chat" in one.what]

    assert (found.what, found.found) == ("kill: failed requests to chat", 1)
    assert found.source.startswith(f"{len(writes)} of callers")


def test_a_control_that_sees_no_loss_misses_its_target() -> None:
    writes = steady(98.0, 106.0, kind=NEAR)
    kinds = [PLAIN, NEAR]
    blind = outcome(CONTROL, recording(writes, kinds=kinds), None)
    seeing = outcome(CONTROL, recording(writes, kinds=kinds, lost=[writes[0].id]), None)

    assert [one.reached for one in targets([figures(CONTROL, [blind])]) if "seen to be lost" in one.what] == [False]
    assert [one.reached for one in targets([figures(CONTROL, [seeing])]) if "seen to be lost" in one.what] == [True]


def test_the_run_in_the_middle_stands_for_the_others() -> None:
    runs = [run_with(3.0), run_with(1.0), run_with(2.0)]

    assert median_run(runs) is runs[2]
