"""What planners refuse, and jobs and migrations that images make due."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import DOCUMENT, IMAGES, replica, running, stack, state

from optimus_ops.errors import Refused
from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_migrate, plan_scale

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
    with pytest.raises(Refused, match="no migrations job"):
        plan_migrate(stack(migrations=None, memory=memory), running(ai=1), HERE)


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
