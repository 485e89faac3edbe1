"""What runs otherwise than it would be started now, and which command applies it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import DOCUMENT, IMAGES, replica, running, stack, state

from optimus_ops.model.container_inputs import ChangedInput
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import State
from optimus_ops.plan.differences import differences
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.notes import noting_differences
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Stop

FILE = ChangedInput("configuration", "tenants.yaml")
OUTAGE = "invoke down, then invoke up (an outage: it has one container)"


def versions(**changes: tuple[ChangedInput, ...]) -> ObservedInputs:
    return ObservedInputs(IMAGES, changes=changes)


def texts(there: State, seen: ObservedInputs, **services: Any) -> list[str]:
    return [one.text for one in differences(stack(**services), there, seen)]


def test_nothing_differs_where_everything_is_as_it_would_be_started() -> None:
    there = state(replica("nginx-lb"), replica("ai"))
    assert texts(there, versions()) == []


@pytest.mark.parametrize(
    ("container", "changed", "text"),
    [
        ("ai1", FILE, "ai: its configuration changed (tenants.yaml); apply it with: invoke deploy ai"),
        ("ai1", ChangedInput("secret", "token"), "ai: its secrets changed (token); apply it with: invoke deploy ai"),
        (
            "nginx-lb1",
            FILE,
            "nginx-lb: its configuration changed (tenants.yaml); apply it with: invoke deploy nginx-lb",
        ),
        (
            "nginx-lb1",
            ChangedInput("definition", "command"),
            f"nginx-lb: its definition in the Compose files changed (command); apply it with: {OUTAGE}",
        ),
        ("redis1", FILE, f"redis: its configuration changed (tenants.yaml); apply it with: {OUTAGE}"),
    ],
)
def test_each_difference_names_the_command_that_applies_it(container: str, changed: ChangedInput, text: str) -> None:
    there = state(replica("ai"), replica("redis"), replica("nginx-lb"))
    assert texts(there, versions(**{container: (changed,)})) == [text]


def test_a_service_that_the_others_do_without_is_made_anew_alone() -> None:
    collector = {"image": "redis:8", "labels": {"com.optimus.optional": "true"}}
    there = state(replica("collector", image="redis:8", image_id=IMAGES["redis:8"]))
    assert texts(there, versions(collector1=(FILE,)), collector=collector) == [
        (
            "collector: its configuration changed (tenants.yaml); apply it with: docker stop shop-collector-1"
            " && docker rm shop-collector-1 && invoke up (no other service needs it)"
        )
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [("AB", "A, B"), ("ABCD", "A, B, C, D"), ("ABCDE", "A, B, C and 2 more")],
)
def test_of_many_changed_variables_a_few_are_named(names: str, told: str) -> None:
    there = state(replica("redis", environment={"HOME": "/"}))
    changed = {"image": "redis:8", "environment": dict.fromkeys(names, "1")}
    assert texts(there, versions(), redis=changed)[0].startswith(f"redis: the environment changed ({told})")


def test_a_port_elsewhere_on_the_host_is_told_with_both_places() -> None:
    there = state(replica("nginx-lb", published=(PublishedPort("127.0.0.1", 8010, 8010),)))
    seen = versions(**{"nginx-lb1": (ChangedInput("definition", "ports"),)})
    assert texts(there, seen) == [
        f"nginx-lb: port 8010 is at 127.0.0.1:8010, wanted is 127.0.0.1:18010; apply it with: {OUTAGE}"
    ]


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_every_address_is_every_address(address: str) -> None:
    there = state(replica("nginx-lb", published=(PublishedPort(address, 18010, 8010),)))
    everywhere = {**DOCUMENT["services"]["nginx-lb"], "ports": [{"target": 8010, "published": "18010"}]}
    assert texts(there, versions(), **{"nginx-lb": everywhere}) == []


def test_a_job_that_ended_differs_in_nothing() -> None:
    assert texts(running(), versions(migrations1=(FILE,)), **{"nginx-lb": None}) == []


def test_a_variable_that_was_taken_away_is_no_variable_with_another_value() -> None:
    (found,) = texts(state(replica("ai")), versions(ai1=(ChangedInput("definition", "names of variables"),)))
    assert "its definition in the Compose files changed (names of variables)" in found


def scaled(there: State, seen: ObservedInputs, **counts: int) -> Plan:
    plan = plan_scale(stack(), there, ScaleRequest(counts), seen)
    return noting_differences(plan, stack(), there, seen)


def test_new_replicas_beside_former_ones_are_named_in_the_plan() -> None:
    plan = scaled(running(ai=1, memory=1), versions(ai1=(FILE,)), ai=2)
    note = (
        "ai: new replicas run beside 1 of 1 that differ: its configuration changed (tenants.yaml);"
        " bring all to one version with: invoke deploy ai"
    )
    assert plan.notes == (note,)
    assert f"  ! {note}" in plan_text(plan).splitlines()
    assert plan_json(plan)["notes"] == list(plan.notes)


def test_where_nothing_is_to_be_done_it_is_not_said_alone() -> None:
    plan = scaled(running(ai=2, memory=1), versions(ai1=(FILE,)), ai=2)
    assert not plan
    assert plan_text(plan).splitlines() == [
        "shop: scale: nothing to do here, but:",
        "  ! ai: its configuration changed (tenants.yaml) in 1 of 2 replicas; apply it with: invoke deploy ai",
    ]


def test_what_leaves_differs_no_more() -> None:
    plan = scaled(running(ai=2, memory=1), versions(ai1=(FILE,)), ai=1)
    assert [victim.container for step in plan.steps if isinstance(step, Stop) for victim in step.containers] == ["ai1"]
    assert plan.notes == ()


def test_an_image_that_is_built_while_it_runs_is_named() -> None:
    there = running(ai=1, memory=1)
    plan = plan_scale(stack(), there, ScaleRequest(build=frozenset({"ai"})), ObservedInputs(images=IMAGES))
    noted = noting_differences(plan, stack(), there, versions())
    assert noted.notes == ("ai: its image is built anew; apply it with: invoke deploy ai",)
