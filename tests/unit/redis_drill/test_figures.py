"""Figures over several runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redis_drill.records import recording, steady

from optimus_ops.redis_drill.faults import FAULTS
from optimus_ops.redis_drill.figures import Target, figures, median_run, spread
from optimus_ops.redis_drill.outcomes import Outcome, outcome

KILL = FAULTS[0]
seconds = st.lists(st.floats(0, 100), min_size=1, max_size=60)


def run_with(outage: float, lost: int = 0) -> Outcome:
    writes = [*steady(98.0, 99.9), *steady(99.9 + outage, 106.0, node="two")]
    return outcome(KILL, recording(writes, lost=[one.id for one in writes[:lost]]), 2.0)


@given(seconds)
def test_a_spread_is_in_order_and_within_its_values(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    assert min(values) <= found.p50 <= found.p95 <= found.most == max(values)


@given(seconds)
def test_at_most_a_twentieth_of_the_values_is_above_p95(values: list[float]) -> None:
    found = spread(values)

    assert found is not None
    assert found.p95 in values
    assert sum(value > found.p95 for value in values) <= len(values) / 20


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
    found = figures(KILL, [run_with(1.0), run_with(1.5), run_with(3.5)])

    assert [(one.name, one.reached) for one in found.targets if one.name.startswith("plain")] == [
        ("plain p50", True),
        ("plain p95", False),
    ]


def test_a_target_that_could_not_be_measured_is_missed() -> None:
    assert not Target("plain p50", 2.0, None).reached


def test_the_run_in_the_middle_stands_for_the_others() -> None:
    runs = [run_with(3.0), run_with(1.0), run_with(2.0)]

    assert median_run(runs) is runs[2]
