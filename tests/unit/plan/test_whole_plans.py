"""Whole plans: every step with its cause, in order."""

from __future__ import annotations

from typing import Any

from tests.unit.stacks import IMAGES, replica, running, stack, state

from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.steps import Observe, Pin, Start, Stop

OUTDATED: dict[str, Any] = {"outdated": frozenset({"shop/memory:local"})}
VARIABLE = (("memory", "DB_POOL_SIZE", "3"),)


def test_a_deploy_of_sources_that_changed() -> None:
    there = state(*running(memory=2).replicas, replica("memory", 3, status="exited", exit_code=1))
    spec = RolloutSpec(("memory",), repin=True, environment=VARIABLE, parallelism=2, surge=2)
    plan = plan_deploy(stack(), there, spec, ObservedInputs(IMAGES, **OUTDATED))
    assert plan_text(plan).splitlines() == [
        "shop: deploy",
        "   1. keep memory's image shop/memory: for a rollback  (it runs now)",
        "   2. build memory                                  (its sources changed)",
        "   3. pin memory to DB_POOL_SIZE=3                  (memory: a new image is built)",
        "   4. check the contracts of memory                 (services that call each other run beside it)",
        "   5. check that migrations only expands the schema  (replicas run that know the old schema)",
        "   6. run migrations                                (its image is built anew)",
        "  memory, batch 1 of 2",
        "  ├─   7. start memory=4                            (memory: a new image is built)",
        "  ├─   8. wait until healthy: memory=2 (new ones)   (they were started)",
        "  ├─   9. verify routing to memory=4                (replicas were started)",
        "  ├─  10. observe the new memory for 10 s           (the old ones still serve)",
        "  └─  11. drain and stop shop-memory-2              (memory: a new image is built)",
        "  memory, batch 2 of 2",
        "  ├─  12. start memory=4                            (memory: a new image is built)",
        "  ├─  13. wait until healthy: memory=3 (new ones)   (they were started)",
        "  ├─  14. verify routing to memory=4                (replicas were started)",
        "  ├─  15. observe the new memory for 10 s           (the old ones still serve)",
        "  └─  16. drain and stop shop-memory-1              (memory: a new image is built)",
        "  17. verify routing to memory=3                    (replicas were replaced)",
        "  18. remove shop-memory-2, shop-memory-1, shop-memory-3  (they were replaced)",
    ]
    starts = [step for step in plan.steps if isinstance(step, Start)]
    assert [(step.replicas, step.ended) for step in starts] == [(True, ("memory3",))] * len(starts)
    assert {step.seconds for step in plan.steps if isinstance(step, Stop)} == {80.0}
    assert {step.seconds for step in plan.steps if isinstance(step, Observe)} == {10.0}
    assert [(step.images, step.environment) for step in plan.steps if isinstance(step, Pin)] == [((), VARIABLE)]


def test_a_deploy_of_images_that_are_not_there() -> None:
    there = state(replica("ai", image_id="sha256:gone"), replica("nginx-lb"))
    inputs = ObservedInputs(
        {"nginx:1.30": IMAGES["nginx:1.30"]}, fallbacks_missing=("node:20",), registry_answers=False
    )
    plan = plan_deploy(stack(), there, RolloutSpec(("ai",), observe=0.0), inputs)
    assert plan_text(plan).splitlines() == [
        "shop: deploy",
        "   1. keep ai's image gone for a rollback  (it runs now)",
        "   2. make fallback images for node:20     (no registry answers, and they are not on this machine)",
        "   3. build ai                             (the images are not on this machine)",
        "   4. check the contracts of ai            (services that call each other run beside it)",
        "  ai, batch 1 of 1",
        "  ├─   5. start ai=2                       (ai: a new image is built)",
        "  ├─   6. wait until healthy: ai (new ones)  (they were started)",
        "  ├─   7. verify routing to ai=2           (replicas were started)",
        "  └─   8. drain and stop shop-ai-1         (ai: a new image is built)",
        "   9. verify routing to ai=1               (replicas were replaced)",
        "  10. remove shop-ai-1                     (they were replaced)",
    ]


def test_a_pin_that_replaces_nothing() -> None:
    spec = RolloutSpec(("ai",), images={"ai": ""}, repin=True)
    plan = plan_deploy(stack(), running(ai=1), spec, ObservedInputs(IMAGES))
    assert plan_text(plan).splitlines() == [
        "shop: deploy",
        "   1. pin ai to the image of the Compose files  (as asked for)",
    ]
    assert plan.steps[0].cause.kind == "requested"


def test_a_scale_with_replicas_that_are_not_well() -> None:
    unwell = (replica("ai", 1, health="unhealthy"), replica("ai", 2, restarts=2), replica("ai", 3))
    there = state(*running(memory=1).replicas, *unwell, replica("memory", 2, status="paused"))
    plan = plan_scale(stack(), there, ScaleRequest({"ai": 2}, force=True), ObservedInputs(IMAGES))
    assert plan_text(plan).splitlines() == [
        "shop: scale",
        "   1. let go on shop-memory-2              (frozen (docker pause))",
        "   2. start ai=4                           (ai: 3 running, 4 wanted)",
        "   3. wait until healthy: ai=3             (they were started)",
        "   4. verify routing to ai=4               (replicas were started)",
        "   5. drain and stop shop-ai-1, shop-ai-2",
        "      (shop-ai-1 is unhealthy (--force); shop-ai-2 was started again 2 times by the engine (--force))",
        "   6. verify routing to ai=2               (replicas were removed)",
        "   7. remove shop-ai-1, shop-ai-2",
        "      (shop-ai-1 is unhealthy (--force); shop-ai-2 was started again 2 times by the engine (--force))",
    ]
    assert [step.cause.kind for step in plan.steps if isinstance(step, Stop)] == ["requested"]
