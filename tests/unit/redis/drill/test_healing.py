"""A drill after one that was killed heals what that left broken, and only that."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.redis.drill.test_fault_injector import Containers
from tests.unit.redis.drill.test_group import container
from tests.unit.redis.samples import group as healthy_group

from optimus_ops.change.executor import execute
from optimus_ops.change.history import read_history
from optimus_ops.change.journal import Journal
from optimus_ops.engine.port import Engine
from optimus_ops.plan.step import Plan
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import Group, RedisNode
from optimus_ops.redis.drill.healing import HealingExecutor, journalled_nodes, killed_drill
from optimus_ops.redis.model import Topology

ADDRESSES = {"one": "10.0.0.1", "two": "10.0.0.2"}


@dataclass
class Deployment:
    """The containers of a fake engine, and a group that is healthy once they run and are connected."""

    engine: Containers
    project: str = "shop"

    def containers(self) -> tuple[RedisContainer, ...]:
        return tuple(
            replace(
                container(name, "state"),
                id=f"id-{name}",
                name=name,
                status=self.engine.statuses[f"id-{name}"],
                hosts=(ADDRESSES[name],) if self.engine.networks[f"id-{name}"] else (name,),
            )
            for name in ADDRESSES
        )

    @staticmethod
    def credentials(_container: RedisContainer) -> Credentials:
        return Credentials()

    @staticmethod
    def observe() -> Topology:
        return healthy_group()


@pytest.fixture
def engine() -> Containers:
    return Containers()


def healing(engine: Containers) -> HealingExecutor:
    """Return the healing after a drill that was killed in its first fault."""
    injector = FaultInjector(cast("Engine", engine), "shop")
    nodes = {name: RedisNode(name, f"id-{name}", host, 6379, Credentials()) for name, host in ADDRESSES.items()}
    drilled = Group("shop", nodes, {}, "8.0", "mymaster", 0.5, (0.5,), 6.0, None)
    kept = journalled_nodes(injector, drilled, root=False)["drill"]
    return HealingExecutor(cast("StackDeployment", Deployment(engine)), injector, kept)


def plan(executor: HealingExecutor) -> Plan:
    return executor.plan(executor.deployment.containers())


@pytest.mark.parametrize("damage", ["stopped", "paused", "disconnected"])
def test_what_is_broken_is_healed(engine: Containers, damage: str) -> None:
    executor = healing(engine)
    if damage == "disconnected":
        engine.networks["id-one"] = ""
    else:
        engine.statuses["id-one"] = {"stopped": "exited"}.get(damage, damage)

    made = plan(executor)

    assert [step.text for step in made.steps] == [f"heal one, which is {damage}", "wait until the group is healthy"]
    execute(made, executor, lambda _event: None)
    assert engine.statuses["id-one"] == "running"
    assert engine.networks["id-one"] == "net"
    assert not plan(executor)


def test_what_was_healed_meanwhile_is_done_already(engine: Containers) -> None:
    executor = healing(engine)
    engine.statuses["id-one"] = "paused"
    step = plan(executor).steps[0]
    assert not executor.applied(step)

    engine.statuses["id-one"] = "running"

    assert executor.applied(step)


def test_nothing_is_done_to_a_healthy_group(engine: Containers) -> None:
    assert not plan(healing(engine))


@pytest.mark.parametrize(
    ("ends", "killed"), [(("",), True), (("done",), False), (("undo",), False), (("", "done"), False)]
)
def test_only_a_drill_that_was_killed_leaves_something(tmp_path: Path, ends: tuple[str, ...], killed: bool) -> None:
    for end in ends:
        before: dict[str, Any] = {"drill": {"root": True, "nodes": {}}}
        journal = Journal.begin(tmp_path, Plan("shop", "redis.drill"), before=before, command=())
        if end:
            journal.write(end)
        os.close(journal.descriptor)

    assert bool(killed_drill(read_history(tmp_path, "shop"))) == killed
