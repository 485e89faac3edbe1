"""Causes are values: what is decided about them looks at their kind, and several of them become one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.stacks import IMAGES, SCALABLE, migrated, replica, running, stack, state

from optimus_ops.model.container_inputs import ChangedInput
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.deploy import plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec, ScaleRequest
from optimus_ops.plan.scale import plan_scale
from optimus_ops.plan.staleness import Staleness, staleness
from optimus_ops.plan.step import Step

AI: dict[str, Any] = {"image": "shop/ai:local", "build": {"context": "."}, "labels": SCALABLE, "expose": ["8010"]}


def test_only_the_kind_of_a_cause_says_that_nothing_but_configuration_changed() -> None:
    reworded = Cause("mounted files are others", "configuration")
    misleading = Cause("its configuration changed (a label)", "definition")
    assert Staleness("nginx-lb", (reworded,)).only_configuration
    assert not Staleness("nginx-lb", (misleading,)).only_configuration
    assert not Staleness("nginx-lb", (reworded, misleading)).only_configuration


def test_joined_causes_say_each_text_once_and_keep_a_kind_that_they_share() -> None:
    first, again, other = Cause("a", "image"), Cause("a", "image"), Cause("b", "ports")
    assert joined([first, again], "ai: ") == Cause("ai: a", "image")
    assert joined([first, other]) == Cause("a; b", "several")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"image_id": "sha256:old"}, "image"),
        ({"environment": {"A": "1"}}, "environment"),
        ({"published": ()}, "ports"),
        ({"config_hash": "old"}, "definition"),
    ],
)
def test_each_way_to_be_stale_has_a_kind(changes: dict[str, Any], kind: str) -> None:
    wanted = stack(ai={**AI, "environment": {"A": "2"}, "ports": [{"target": 8010, "published": "8010"}]})
    fresh: dict[str, Any] = {
        "environment": {"A": "2"},
        "published": wanted.services["ai"].published,
        "config_hash": "new",
    }
    inputs = ObservedInputs(IMAGES, hashes={"ai": "new"})
    assert staleness(wanted, state(replica("ai", **fresh)), ["ai"], inputs) == {}
    found = staleness(wanted, state(replica("ai", **fresh | changes)), ["ai"], inputs)
    assert [cause.kind for cause in found["ai1"].causes] == [kind]


@pytest.mark.parametrize("kind", ["configuration", "secret", "definition"])
def test_a_changed_input_is_a_cause_of_its_kind(kind: Any) -> None:
    inputs = ObservedInputs(IMAGES, changes={"ai1": (ChangedInput(kind, "x"),)})
    (found,) = staleness(stack(), state(replica("ai")), ["ai"], inputs).values()
    assert found.cause.kind == kind


def kinds(steps: tuple[Step, ...]) -> dict[str, str]:
    return {step.kind: step.cause.kind for step in steps}


def test_the_causes_of_a_scale() -> None:
    there = state(*running(ai=1, memory=3).replicas, replica("ai", 2, status="exited", exit_code=1))
    inputs = ObservedInputs({}, outdated=frozenset(IMAGES), fallbacks_missing=("redis:8",), registry_answers=False)
    request = ScaleRequest({"ai": 4, "memory": 2}, run_migrations=True, environment=(("ai", "A", "1"),))
    assert kinds(plan_scale(stack(), there, request, inputs).steps) == {
        "bases": "registry",
        "build": "missing",
        "pull": "missing",
        "pin": "procedure",
        "check-migrations": "procedure",
        "migrate": "requested",
        "start": "count",
        "wait-healthy": "procedure",
        "verify": "procedure",
        "stop": "count",
        "remove": "several",
    }


@pytest.mark.parametrize(
    ("inputs", "spec", "kind"),
    [
        ({"moved": {"shop/ai:local": "sha256:new"}}, {}, "registry"),
        ({"outdated": frozenset({"shop/ai:local"})}, {}, "image"),
        ({}, {"force": True}, "requested"),
        ({"before": {"ai": 2}}, {}, "interrupted"),
    ],
)
def test_the_causes_of_a_replacement(inputs: dict[str, Any], spec: dict[str, Any], kind: str) -> None:
    there = state(replica("nginx-lb"), replica("ai"), migrated())
    plan = plan_deploy(stack(), there, RolloutSpec(("ai",), **spec), ObservedInputs(IMAGES, **inputs))
    assert kinds(plan.steps)["start"] == kind


def test_a_dependent_is_replaced_for_what_it_depends_on() -> None:
    wanted = stack(web={**AI, "depends_on": {"ai": {"condition": "service_started", "restart": True}}})
    there = State("shop", (replica("ai", image_id="sha256:old"), replica("web", image_id=IMAGES["shop/ai:local"])))
    spec = RolloutSpec(("ai", "web"), dependents=frozenset({"web"}))
    starts = [step for step in plan_deploy(wanted, there, spec, ObservedInputs(IMAGES)).steps if step.kind == "start"]
    assert [step.cause.kind for step in starts] == ["image", "dependency"]
