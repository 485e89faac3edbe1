"""What planners refuse, which jobs and migrations images make due, and what a deploy covers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import DOCUMENT, IMAGES, replica, running, stack, state

from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.deploy import deployable, peak_replicas, plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_migrate, plan_scale
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import CheckMigrations, Start

HERE = ObservedInputs(IMAGES)


def test_a_balancer_that_does_not_run_can_not_be_deployed() -> None:
    with pytest.raises(Refused, match="nginx-lb does not run"):
        plan_deploy(stack(), state(replica("nginx-lb", status="exited")), RolloutSpec(("nginx-lb",)), HERE)


def test_a_balancer_whose_image_moved_is_not_replaced_while_it_serves() -> None:
    moved = ObservedInputs(IMAGES, moved={"nginx:1.30": "sha256:0123456789abcdef"})
    with pytest.raises(Refused, match=r"nginx-lb: nginx:1\.30 is 0123456789ab in its registry now; it holds the ports"):
        plan_deploy(stack(), running(ai=1), RolloutSpec(("nginx-lb",)), moved)


def test_a_stack_without_migrations_can_not_be_migrated() -> None:
    memory = {key: value for key, value in DOCUMENT["services"]["memory"].items() if key != "depends_on"}
    with pytest.raises(Refused) as refused:
        plan_migrate(stack(migrations=None, memory=memory), running(ai=1), HERE)
    assert str(refused.value) == "this stack has no migrations job\n  name it in [tool.optimus-ops] migrations"


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ({"moved": {"shop/memory:local": "sha256:new"}}, "its image is pulled anew"),
        ({"outdated": frozenset({"shop/memory:local"})}, "its image is built anew"),
    ],
)
def test_a_new_image_of_the_migrations_runs_them_before_its_replicas(inputs: dict[str, Any], cause: str) -> None:
    there = running(ai=1)
    plan = plan_scale(stack(), there, ScaleRequest({"memory": 1}), ObservedInputs(IMAGES, **inputs))
    kinds = [step.kind for step in plan.steps]
    migrate = kinds.index("migrate")
    assert plan.steps[migrate].cause.text == cause
    assert migrate < kinds.index("start")


def test_a_job_whose_image_is_built_anew_runs_again() -> None:
    seed = {"image": "shop/seed:local", "build": {"context": "."}}
    after = {**DOCUMENT["services"]["ai"], "depends_on": {"seed": {"condition": "service_completed_successfully"}}}
    ran = replica("seed", image="shop/seed:local", image_id="sha256:seed", status="exited", health=None)
    wanted, there = stack(seed=seed, ai=after), state(*running(memory=1).replicas, ran)
    images = {**IMAGES, "shop/seed:local": "sha256:seed"}
    again = ScaleRequest({"ai": 1}, frozenset({"seed"}))
    steps = plan_scale(wanted, there, again, ObservedInputs(images)).steps
    assert [step.cause.text for step in steps if step.kind == "run-job"] == ["its image is built anew"]
    steps = plan_scale(wanted, there, ScaleRequest({"ai": 1}), ObservedInputs(images)).steps
    assert not [step for step in steps if step.kind == "run-job"]


def test_a_deploy_of_a_rebuilt_image_migrates_though_the_former_image_was_migrated() -> None:
    outdated = ObservedInputs(IMAGES, outdated=frozenset({"shop/memory:local"}))
    there = running(memory=1)
    plan = plan_deploy(stack(), there, RolloutSpec(("memory",), allow_contract=True), outdated)
    assert [(step.kind, step.cause.text) for step in plan.steps if step.kind in {"check-migrations", "migrate"}] == [
        ("check-migrations", "replicas run that know the old schema"),
        ("migrate", "its image is built anew"),
    ]
    assert [step.allow_contract for step in plan.steps if isinstance(step, CheckMigrations)] == [True]
    assert "migrate" not in [step.kind for step in plan_deploy(stack(), there, RolloutSpec(("memory",)), HERE).steps]


def test_a_run_of_migrations_starts_what_they_need_and_runs_no_other_job() -> None:
    seed = {"image": "redis:8"}
    after = {**DOCUMENT["services"]["ai"], "depends_on": {"seed": {"condition": "service_completed_successfully"}}}
    inputs = ObservedInputs(IMAGES, changed_jobs=frozenset({"seed"}))
    plan = plan_migrate(stack(seed=seed, ai=after), state(replica("nginx-lb")), inputs)
    assert (plan.project, plan.purpose) == ("shop", "migrate")
    assert [step.text for step in plan.steps] == ["start postgres", "wait until healthy: postgres", "run migrations"]


def test_what_is_deployed_if_nothing_is_named_is_what_is_there() -> None:
    assert deployable(stack(), running(ai=1)) == ("ai", "nginx-lb")
    assert deployable(stack(), state(replica("ai"), replica("nginx-lb", status="exited"))) == ("ai",)
    assert deployable(stack(**{"nginx-lb": None}), running(ai=1, memory=1)) == ("memory", "ai")


def test_the_peak_of_a_plan_is_what_runs_or_is_started_at_most() -> None:
    counts = (Start(counts=(("ai", 3),), cause=Cause("")), Start(counts=(("ai", 2), ("memory", 1)), cause=Cause("")))
    peak = peak_replicas(stack(), running(ai=1, memory=2), Plan("shop", "scale", counts))
    assert peak == {"ai": 3, "memory": 2, "postgres": 1, "redis": 1, "nginx-lb": 1}
