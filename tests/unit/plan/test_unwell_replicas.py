"""Replicas that are not well: what plans count them as, who goes first, and what is said about them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import IMAGES, replica, running, stack, state

from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import Replica, State, ended_badly
from optimus_ops.plan.deploy import deployable, plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.notes import Notices, with_notes
from optimus_ops.plan.render import plan_json, plan_text
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Remove, Start, Stop
from optimus_ops.plan.stop import leaving_first

HERE = ObservedInputs(images=IMAGES)
CRASHES: dict[str, Any] = {"status": "restarting", "health": "starting", "exit_code": 7, "restarts": 12}
SERVES_NOT: list[dict[str, Any]] = [
    CRASHES,
    {**CRASHES, "status": "running", "crashing": True},
    {"status": "dead"},
    {"status": "created"},
    {"status": "exited", "exit_code": 7},
]


def with_ai(*replicas: Replica) -> State:
    return state(*(r for r in running(memory=1).replicas), *replicas)


def texts(plan: Plan) -> list[str]:
    return [step.text for step in plan.steps]


@pytest.mark.parametrize("facts", SERVES_NOT)
def test_what_does_not_serve_counts_as_ended_and_is_replaced_once(facts: dict[str, Any]) -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, **facts))
    plan = plan_scale(stack(), there, ScaleRequest(), HERE)
    assert texts(plan) == [
        "start ai=2",
        "wait until healthy: ai=2",
        "verify routing to ai=2",
        "remove shop-ai-2",
    ]


@pytest.mark.parametrize("facts", SERVES_NOT)
def test_what_does_not_serve_goes_before_what_does(facts: dict[str, Any]) -> None:
    there = with_ai(replica("ai", 1, **facts), replica("ai", 2), replica("ai", 3))
    assert texts(plan_scale(stack(), there, ScaleRequest({"ai": 2}), HERE)) == ["remove shop-ai-1"]


def test_what_is_frozen_goes_on_and_counts_as_running() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, status="paused"))
    assert texts(plan_scale(stack(), there, ScaleRequest({"ai": 2}), HERE)) == ["let go on shop-ai-2"]
    plan = plan_deploy(stack(), there, RolloutSpec(("ai",)), HERE)
    assert texts(plan) == ["let go on shop-ai-2"]
    assert with_notes(plan, stack(), there, Notices()).notes == ()


def test_a_frozen_store_goes_on_before_anything_is_started() -> None:
    there = state(*(r for r in running(memory=1).replicas if r.service != "redis"), replica("redis", status="paused"))
    assert texts(plan_scale(stack(), there, ScaleRequest({"ai": 1}), HERE))[:2] == [
        "let go on shop-redis-1",
        "start ai",
    ]


def test_what_counts_as_ended_does_not_count_when_it_runs_again_meanwhile() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, **CRASHES))
    scale = plan_scale(stack(), there, ScaleRequest(), HERE)
    deploy = plan_deploy(stack(), there, RolloutSpec(("ai",)), HERE)
    for plan in (scale, deploy):
        assert {step.ended for step in plan.steps if isinstance(step, Start)} == {("ai2",)}


def test_the_cause_says_how_it_ended() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, **CRASHES))
    remove = plan_scale(stack(), there, ScaleRequest(), HERE).steps[-1]
    assert remove.cause.text == "shop-ai-2 ended with 7 and was started again 12 times"


def test_what_the_engine_is_removing_is_not_wanted_back() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, status="removing"))
    plan = plan_scale(stack(), there, ScaleRequest(), HERE)
    assert not [step for step in plan.steps if isinstance(step, Start)]


@pytest.mark.parametrize("facts", SERVES_NOT)
def test_a_deploy_replaces_what_does_not_serve(facts: dict[str, Any]) -> None:
    there = with_ai(replica("ai", 1, **facts))
    assert "ai" in deployable(stack(), there)
    assert texts(plan_deploy(stack(), there, RolloutSpec(("ai",)), HERE)) == [
        "check the contracts of ai",
        "start ai",
        "wait until healthy: ai (new ones)",
        "verify routing to ai=1",
        "verify routing to ai=1",
        "remove shop-ai-1",
    ]


def test_a_deploy_keeps_the_number_that_was_wanted_before_one_crashed() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2), replica("ai", 3, **CRASHES))
    plan = plan_deploy(
        stack(), there, RolloutSpec(("ai",)), ObservedInputs(images={**IMAGES, "shop/ai:local": "sha256:new"})
    )
    assert "wait until healthy: ai=3 (new ones)" in texts(plan)
    stopped = [victim.name for step in plan.steps if isinstance(step, Stop) for victim in step.containers]
    assert stopped == ["shop-ai-2", "shop-ai-1"]


def test_forced_scaling_replaces_unhealthy_and_restarted_replicas_after_new_ones_serve() -> None:
    there = with_ai(replica("ai", 1, health="unhealthy"), replica("ai", 2, restarts=1), replica("ai", 3))
    plan = plan_scale(stack(), there, ScaleRequest({"ai": 3}, force=True), HERE)
    assert texts(plan) == [
        "start ai=5",
        "wait until healthy: ai=4",
        "verify routing to ai=5",
        "drain and stop shop-ai-1, shop-ai-2",
        "verify routing to ai=3",
        "remove shop-ai-1, shop-ai-2",
    ]
    stop = next(step for step in plan.steps if isinstance(step, Stop))
    assert (
        "shop-ai-1 is unhealthy (--force); shop-ai-2 was started again once by the engine (--force)" in stop.cause.text
    )


def test_forced_scaling_takes_the_unwell_down_first_and_starts_no_more_than_needed() -> None:
    there = with_ai(replica("ai", 1, health="unhealthy"), replica("ai", 2), replica("ai", 3), replica("ai", 4))
    plan = plan_scale(stack(), there, ScaleRequest({"ai": 2}, force=True), HERE)
    assert texts(plan)[0] == "drain and stop shop-ai-1, shop-ai-4"


def test_forced_scaling_means_the_services_named_or_all() -> None:
    there = state(*running().replicas, replica("ai", health="unhealthy"), replica("memory", health="unhealthy"))

    def removed(counts: dict[str, int]) -> set[str]:
        plan = plan_scale(stack(), there, ScaleRequest(counts, force=True), HERE)
        return {victim.name for step in plan.steps if isinstance(step, Remove) for victim in step.containers}

    assert removed({"ai": 1}) == {"shop-ai-1"}
    assert removed({}) == {"shop-ai-1", "shop-memory-1"}


def test_without_force_what_is_not_well_stays_and_is_told_in_one_line_with_the_way_out() -> None:
    there = with_ai(replica("ai", 1, health="unhealthy"), replica("ai", 2, restarts=2), replica("ai", 3))
    plan = with_notes(plan_scale(stack(), there, ScaleRequest({"ai": 3}), HERE), stack(), there, Notices())
    assert not plan
    [line] = plan_text(plan).splitlines()[1:]
    assert "shop-ai-1 is unhealthy, shop-ai-2 was started again 2 times by the engine; to replace it" in line
    assert line.endswith("invoke scale --force")


def test_nothing_is_told_of_what_the_plan_replaces() -> None:
    there = with_ai(replica("ai", 1, health="unhealthy"))
    plan = plan_scale(stack(), there, ScaleRequest({"ai": 1}, force=True), HERE)
    assert with_notes(plan, stack(), there, Notices()).notes == ()


def test_a_store_that_is_not_well_is_told_without_an_offer_to_replace_it() -> None:
    there = state(replica("redis", health="unhealthy"))
    assert with_notes(Plan("shop", "scale"), stack(), there, Notices()).notes == (
        "shop-redis-1 is unhealthy; see: invoke logs redis",
    )


def test_what_ended_is_told_with_its_exit_code_and_last_lines() -> None:
    there = with_ai(replica("ai", 1), replica("ai", 2, **CRASHES))
    plan = plan_scale(stack(), there, ScaleRequest(), HERE)
    noted = with_notes(plan, stack(), there, Notices({"ai2": ("loading", "relation is missing")}))
    assert plan_text(noted).splitlines()[-3:] == [
        "  ! shop-ai-2 ended with 7 and was started again 12 times; its last output:",
        "      loading",
        "      relation is missing",
    ]
    assert plan_json(noted)["notes"] == list(noted.notes)


def test_a_job_that_ended_well_has_not_ended_badly() -> None:
    there = state(*running(ai=1).replicas, replica("postgres", 2, status="exited", exit_code=1))
    assert [found.name for found in ended_badly(there, stack().jobs)] == ["shop-postgres-2"]


def test_victims_are_restarted_ones_before_younger_ones() -> None:
    replicas = [replica("ai", 1, restarts=3), replica("ai", 2), replica("ai", 3, health="unhealthy")]
    assert [victim.number for victim in leaving_first(replicas, 3)] == [3, 1, 2]


def test_leftovers_are_told_unless_they_go() -> None:
    left = Leftovers(orphans=(replica("old"),))
    assert with_notes(Plan("shop", "up"), stack(), state(replica("old")), Notices(leftovers=left)).notes == (
        "no longer in the Compose files: old (shop-old-1 runs); to remove: --remove-orphans",
    )
