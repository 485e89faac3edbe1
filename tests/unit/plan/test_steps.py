"""Steps as JSON: journals and `--json` readers depend on every key, its place, the kinds and the texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.plan import steps
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import ContainerRef, Step, step
from optimus_ops.plan.steps import (
    Build,
    CheckBudgets,
    CheckConfig,
    CheckContracts,
    CheckMigrations,
    Keep,
    MakeFallbacks,
    Migrate,
    Observe,
    Pin,
    Pull,
    Reload,
    Remove,
    RemoveImages,
    RemoveNetwork,
    Restart,
    Resume,
    RunJob,
    Start,
    Stop,
    VerifyRouting,
    WaitDependency,
    WaitHealthy,
    WriteSecrets,
)

ONE, TWO = ContainerRef("shop-ai-1", "1" * 64), ContainerRef("shop-ai-2", "2" * 64)
IMAGES = ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
COUNTS = (("ai", 3), ("postgres", 1))
BATCH = "ai, batch 1 of 2"

EXAMPLES: tuple[Step, ...] = (
    WriteSecrets(cause=Cause("out of date")),
    WriteSecrets(names=("A", "B"), cause=Cause("missing")),
    MakeFallbacks(images=("python:3.12-slim", "redis:8"), cause=Cause("no registry")),
    Pull(services=("redis", "postgres"), cause=Cause("not here")),
    Build(services=("ai", "memory"), cause=Cause("--build")),
    Start(counts=COUNTS, cause=Cause("ai: 1 running, 3 wanted")),
    Start(counts=(("ai", 1),), replicas=True, ended=("e" * 64,), cause=Cause("0 running"), batch=BATCH),
    WaitHealthy(counts=COUNTS, cause=Cause("they were started")),
    WaitHealthy(counts=COUNTS, new=True, cause=Cause("they were started"), batch=BATCH),
    WaitHealthy(counts=COUNTS, required=False, cause=Cause("they were started")),
    WaitDependency(services=("postgres", "redis"), required=False, cause=Cause("depended on")),
    RunJob(service="seed", cause=Cause("never ran")),
    RunJob(service="seed", required=False, cause=Cause("never ran")),
    Restart(service="ai", containers=(ONE, TWO), seconds=1.5, cause=Cause("restart: true")),
    Migrate(service="migrations", cause=Cause("--run-migrations")),
    VerifyRouting(counts=COUNTS, settle=1.5, cause=Cause("replicas were removed")),
    Resume(containers=(ONE, TWO), cause=Cause("frozen")),
    Stop(containers=(ONE, TWO), seconds=80.0, cause=Cause("2 too many"), batch=BATCH),
    Remove(containers=(ONE,), cause=Cause("replaced")),
    Keep(service="ai", images=IMAGES, cause=Cause("it runs now")),
    Pin(images=(("ai", "shop/ai:2"), ("memory", "")), cause=Cause("as asked for")),
    Pin(environment=(("memory", "DB_POOL_SIZE", "3"),), cause=Cause("so that the database has enough connections")),
    CheckContracts(services=("ai", "memory"), cause=Cause("both versions run")),
    CheckMigrations(service="migrations", allow_contract=True, cause=Cause("old replicas run")),
    CheckBudgets(peak=COUNTS, cause=Cause("the database could not be asked")),
    Observe(service="ai", seconds=10.0, cause=Cause("old ones serve"), batch=BATCH),
    Observe(service="ai", seconds=0.25, cause=Cause("old ones serve")),
    CheckConfig(service="nginx-lb", cause=Cause("configuration changed")),
    Reload(service="nginx-lb", cause=Cause("configuration changed")),
    RemoveNetwork(network="shop_optimus", cause=Cause("--prune-network")),
    RemoveImages(images=IMAGES, cause=Cause("--remove-orphans")),
)
SNAPSHOT = Path(__file__).with_name("steps.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("step", "expected"), list(zip(EXAMPLES, SNAPSHOT, strict=True)), ids=lambda value: str(value)[:40]
)
def test_a_step_as_json_is_what_it_always_was(step: Step, expected: str) -> None:
    assert json.dumps(step.as_json(), ensure_ascii=False) == expected


def test_every_step_has_an_example() -> None:
    exported = {found for found in vars(steps).values() if isinstance(found, type) and issubclass(found, Step)}
    assert exported - {Step} == {type(example) for example in EXAMPLES}


@step("greet", "greet {people} at {hour:g}", final=True)
class Greet(Step):
    people: tuple[str, ...]
    hour: float = 8.0


@given(people=st.lists(st.text(), max_size=3).map(tuple), hour=st.floats(0, 24), cause=st.text(), batch=st.text())
def test_a_step_has_its_kind_its_text_and_its_own_fields_in_order(
    people: tuple[str, ...], hour: float, cause: str, batch: str
) -> None:
    greet = Greet(people=people, hour=hour, cause=Cause(cause), batch=batch)
    assert list(greet.as_json().items()) == [
        ("step", "greet"),
        ("text", f"greet {', '.join(people)} at {hour:g}"),
        ("cause", cause),
        ("part", batch),
        ("people", people),
        ("hour", hour),
    ]
    assert greet.final
    assert not Start(counts=(), cause=Cause("")).final


def test_a_step_is_frozen_and_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Greet(people=(), cause=Cause("")).cause = Cause("another")  # type: ignore[misc]
    assert not hasattr(Greet(people=(), cause=Cause("")), "__dict__")


def test_a_text_that_names_no_field_is_refused_where_the_step_is_defined() -> None:
    with pytest.raises(TypeError, match="Typo has no srvice"):

        @step("typo", "start {srvice}")
        class Typo(Step):
            service: str
