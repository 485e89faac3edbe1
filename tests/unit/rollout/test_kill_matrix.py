"""Whatever goes wrong in whichever step: what served serves, and the stack ends as it was or as it was wanted.

Each step meets each fault once, each fault each moment in turn; with `nox -s properties` all of them meet.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.faults import KINDS, MOMENTS, Fault, Killed, Kind, Moment
from tests.fakes.shop import JOBS, Shop, memory_folder
from tests.support.thorough import some

from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout import deploy as deploying
from optimus_ops.rollout import down as stopping
from optimus_ops.rollout import scale as scaling
from optimus_ops.rollout.requests import DeployRequest, DownRequest, RollbackRequest

Change = Callable[[Shop], None]


def up(shop: Shop) -> None:
    scaling.scale(shop.context(), ScaleRequest(purpose="up"), shop.prober)


def scale(shop: Shop, **counts: int) -> None:
    scaling.scale(shop.context(), ScaleRequest(counts), shop.prober)


def deploy(shop: Shop, *services: str, image: str) -> None:
    deploying.deploy(shop.context(), DeployRequest(services, image, observe=1), shop.prober)


def rollback(shop: Shop, service: str) -> None:
    deploying.rollback(shop.context(), RollbackRequest((service,), observe=1), shop.prober)


def down(shop: Shop) -> None:
    stopping.down(shop.context(), DownRequest(prune_network=True), shop.prober)


@dataclass(frozen=True)
class Scenario:
    """A change, what is done before it, the service that it is about, and how many steps it has."""

    before: tuple[Change, ...]
    change: Change
    service: str
    steps: int


WEB_2 = functools.partial(deploy, image="2")
SCENARIOS = {
    "up": Scenario((), up, "web", 8),
    "scale up": Scenario((up,), functools.partial(scale, web=3), "web", 3),
    "scale down": Scenario((up, functools.partial(scale, web=3)), functools.partial(scale, web=1), "web", 3),
    "deploy": Scenario((up, functools.partial(scale, web=2)), lambda shop: deploy(shop, "web", image="2"), "web", 17),
    "deploy without a port": Scenario((up,), lambda shop: deploy(shop, "worker", image="2"), "worker", 8),
    "rollback": Scenario(
        (up, lambda shop: deploy(shop, "web", image="2")), lambda shop: rollback(shop, "web"), "web", 10
    ),
    "down": Scenario((up, functools.partial(scale, web=2)), down, "web", 7),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Shop, Shop]]:
    """Return what makes, once for each scenario, the shop before the change and the shop after it."""

    @functools.cache
    def prepare(name: str) -> tuple[Shop, Shop]:
        scenario = SCENARIOS[name]
        shop = Shop.open(tmp_path_factory.mktemp("shop"))
        for change in scenario.before:
            change(shop)
            shop.process_ends()
        after = shop.copy(tmp_path_factory.mktemp("after"))
        scenario.change(after)
        after.process_ends()
        return shop, after

    return prepare


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder in memory where the host has such: each case writes a hundred small files."""
    with memory_folder() as folder:
        yield folder


def outline(shop: Shop) -> dict[str, Any]:
    """Return a shop's state without names and ids of containers."""
    lasting = (made for made in shop.state().replicas if made.service not in JOBS)
    containers = Counter((made.service, made.image, made.status) for made in lasting)
    return {**shop.snapshot(), "containers": containers}


def serves(shop: Shop, goal: Shop) -> bool:
    """Tell whether a shop has the replicas that it should have, but for one that died, and none beside them."""
    running = Counter((made.service, made.image) for made in shop.state().replicas if made.ready)
    wanted = Counter((made.service, made.image) for made in goal.state().replicas if made.ready)
    return (wanted - running).total() <= 1 and not running - wanted


ENDINGS = {True: ("done", type(None)), False: ("undo", Interrupted)}
"""How a change ends by a signal: in a step that can't be undone, and in any other."""


CASES = [
    pytest.param(name, kind, number, moment, id=f"{name}-{number}-{moment}-{kind}")
    for name, scenario in SCENARIOS.items()
    for number in range(1, scenario.steps + 1)
    for place, kind in enumerate(KINDS)
    for moment in some(MOMENTS, len(MOMENTS), number + place)
]


@pytest.mark.parametrize(("name", "kind", "number", "moment"), CASES)
def test_a_fault_in_a_step(
    prepared: Callable[[str], tuple[Shop, Shop]],
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: Kind,
    number: int,
    moment: Moment,
) -> None:
    origin, goal = prepared(name)
    scenario = SCENARIOS[name]
    shop = origin.copy(memory)
    monkeypatch.setattr(sys, "argv", ["invoke", *name.split(), scenario.service])
    fault = Fault(kind, number, moment, shop, scenario.service)
    floor = 0 if name == "down" else min(len(origin.ready("web")), len(goal.ready("web")))

    def watch() -> None:
        assert len(shop.ready("web")) >= floor - bool(fault.died), "fewer serve than before"

    fault.watch = watch
    error = changed(scenario.change, shop, fault)
    assert fault.struck
    assert fault.step is not None
    last = shop.journal()[-1]
    match kind:
        case "SIGKILL":
            assert isinstance(error, Killed)
            assert last["event"] in {"step", "step-done"}
        case "SIGINT" | "SIGTERM":
            assert (last["event"], type(error)) == ENDINGS[fault.step.final]
        case _:
            assert last["event"] == "done" or isinstance(error, OpsError)
    if last["event"] == "done":
        assert serves(shop, goal) if fault.died else outline(shop) == outline(goal)
        return
    if last["event"] == "undo" and "error" not in last:
        assert shop.snapshot() == origin.snapshot()
    elif last["event"] == "undo":
        # What is removed can't be started again.
        assert fault.step.final or name == "down"
    # The same command again ends as if nothing had happened.
    shop.engine.clock.now += 10
    scenario.change(shop)
    assert outline(shop) == outline(goal)


@pytest.mark.parametrize("number", range(1, SCENARIOS["deploy"].steps + 1))
def test_an_old_replica_that_dies_by_itself_gets_one_successor(
    prepared: Callable[[str], tuple[Shop, Shop]], memory: Path, number: int
) -> None:
    origin, goal = prepared("deploy")
    shop = origin.copy(memory)
    fault = Fault("container died", number, "before", shop, "web", victim=origin.ready("web")[0].id)
    error = changed(SCENARIOS["deploy"].change, shop, fault)
    assert error is None or "was killed" in str(error)
    assert len(shop.state("web").replicas) == len(goal.state("web").replicas)
    assert serves(shop, goal)


def changed(change: Change, shop: Shop, fault: Fault) -> BaseException | None:
    """Make a change with a fault; return how it ended."""
    with fault.injected():
        try:
            change(shop)
        except (Killed, Interrupted, OpsError) as error:
            return error
    return None


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_step_of_the_scenarios_has_its_cases(prepared: Callable[[str], tuple[Shop, Shop]], name: str) -> None:
    _before, after = prepared(name)
    assert len(after.journal()[0]["plan"]["steps"]) == SCENARIOS[name].steps
