"""The catalogue of faults."""

from __future__ import annotations

import inspect

import pytest

from optimus_ops.commandline.flag_types import flag_types
from optimus_ops.errors import Refused
from optimus_ops.redis.drill.faults import CONTROL, FAULTS, choose_faults
from optimus_ops.redis.drill.steps import expected_seconds, plan_drill
from optimus_ops.redis.tasks import drill


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_all_faults_are_chosen_where_none_is_named() -> None:
    assert choose_faults(()) == FAULTS


def test_faults_may_be_named_one_by_one_and_with_commas() -> None:
    chosen = choose_faults(("planned,kill", "pause"))

    assert [fault.name for fault in chosen] == ["kill", "pause", "planned"]


def test_an_unknown_fault_is_refused_with_the_list_of_all() -> None:
    with pytest.raises(Refused) as refused:
        choose_faults(("kill", "earthquake"))

    assert "earthquake" in refused.value.message
    assert all(fault.name in str(refused.value) for fault in FAULTS)


def test_only_the_control_has_to_lose_something() -> None:
    assert [fault.name for fault in FAULTS if fault.losses == "some"] == [CONTROL.name]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "1001", "\u0661"])
def test_a_number_of_runs_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        flag_types(inspect.unwrap(drill.body))["runs"].parse(text, "--runs")


def test_the_plan_has_a_step_per_fault_with_its_runs() -> None:
    plan = plan_drill("shop", choose_faults(("kill", CONTROL.name)), 20)

    steps = [step.as_json() for step in plan.steps]
    assert [(step["fault"], step["runs"]) for step in steps] == [("kill", 20), (CONTROL.name, 5)]


def test_a_full_drill_of_twenty_runs_ends_within_an_hour() -> None:
    assert expected_seconds(plan_drill("shop", FAULTS, 20)) < 3600
