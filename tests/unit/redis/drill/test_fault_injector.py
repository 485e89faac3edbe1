"""Every fault registers its cleanup first; a cleanup counts only once the container's state shows that it worked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from tests.unit.stacks import replica

from optimus_ops.change.undo_stack import UndoFailed
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import State
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.group import RedisNode

ONE = RedisNode("one", "id-one", "10.0.0.1", 6379, Credentials())
TWO = RedisNode("two", "id-two", "10.0.0.2", 6379, Credentials())


@dataclass
class Containers:
    """Two containers of an engine.

    Args:
        refused: calls that fail.
        ignored: calls that are answered as if all were well, and change nothing.
    """

    refused: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=lambda: {"id-one": "running", "id-two": "running"})
    networks: dict[str, str] = field(default_factory=lambda: {"id-one": "net", "id-two": "net"})

    def _call(self, name: str, container: str, change: Callable[[], object]) -> None:
        self.calls.append(f"{name} {container}")
        if name in self.refused:
            raise OpsError("the engine refused")
        if name not in self.ignored:
            change()

    def _set(self, name: str, container: str, status: str) -> None:
        self._call(name, container, lambda: self.statuses.update({container: status}))

    def kill(self, container: str) -> None:
        self._set("kill", container, "exited")

    def start(self, container: str, *, missing_ok: bool = True) -> None:
        assert not missing_ok
        self._set("start", container, "running")

    def pause(self, container: str) -> None:
        self._set("pause", container, "paused")

    def unpause(self, container: str) -> None:
        self._set("unpause", container, "running")

    def attachment(self, container: str, address: str) -> tuple[str, tuple[str, ...]]:
        if container not in self.networks:
            raise OpsError(f"no network in which it is {address}")
        return self.networks[container], ("redis",)

    def connect_network(self, container: str, network: str, *, address: str, aliases: tuple[str, ...]) -> None:
        assert (address, aliases) == ("10.0.0.1", ("redis",))
        self._call("connect", container, lambda: self.networks.update({container: network}))

    def disconnect_network(self, container: str, _network: str) -> None:
        self._call("disconnect", container, lambda: self.networks.pop(container))

    def observe(self, project: str, services: set[str]) -> State:
        found = [
            replica("redis", number, id=name, status=status)
            for number, (name, status) in enumerate(self.statuses.items(), 1)
            if name.removeprefix("id-") in services
        ]
        return State(project, tuple(found))


def injector(containers: Containers) -> FaultInjector:
    return FaultInjector(cast("Engine", containers), "shop")


def test_everything_is_cleaned_up_the_last_first() -> None:
    containers = Containers()
    made = injector(containers)
    made.kill(ONE)
    made.pause(TWO)

    done = made.heal()

    assert containers.calls == ["kill id-one", "pause id-two", "unpause id-two", "start id-one"]
    assert done == ("resumed two", "started one")


def test_nothing_is_cleaned_up_twice() -> None:
    containers = Containers()
    made = injector(containers)
    made.kill(ONE)
    made.heal()
    calls = list(containers.calls)

    assert made.heal() == ()
    assert containers.calls == calls


def test_a_fault_that_could_not_be_injected_is_cleaned_up_all_the_same() -> None:
    containers = Containers(refused={"kill"})
    made = injector(containers)
    with pytest.raises(OpsError):
        made.kill(ONE)

    made.heal()

    assert containers.calls[-1] == "start id-one"


def test_a_container_that_runs_again_already_counts_as_cleaned_up() -> None:
    containers = Containers()
    made = injector(containers)
    made.pause(ONE)
    containers.statuses["id-one"] = "running"
    containers.ignored = {"unpause"}

    assert made.heal() == ("resumed one",)


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize(
    ("inject", "cleanup"),
    [(FaultInjector.disconnect, "connect"), (FaultInjector.pause, "unpause"), (FaultInjector.kill, "start")],
)
def test_a_cleanup_without_effect_fails_and_is_kept_for_another_try(
    inject: Callable[[FaultInjector, RedisNode], None], cleanup: str, *, refused: bool
) -> None:
    containers = Containers({cleanup}) if refused else Containers(ignored={cleanup})
    made = injector(containers)
    inject(made, ONE)
    with pytest.raises(UndoFailed) as failed:
        made.heal()

    containers.refused = containers.ignored = set()

    assert failed.value.undone == ()
    assert "one" in failed.value.failures[0]
    assert len(made.heal()) == 1


def test_a_cleanup_that_fails_does_not_stop_the_others() -> None:
    containers = Containers(refused={"unpause"})
    made = injector(containers)
    made.kill(ONE)
    made.pause(TWO)

    with pytest.raises(UndoFailed) as failed:
        made.heal()

    assert failed.value.undone == ("started one",)


def test_a_container_is_connected_again_to_the_network_by_which_it_is_reached() -> None:
    containers = Containers()
    made = injector(containers)

    made.disconnect(ONE)
    assert "id-one" not in containers.networks
    made.heal()

    assert containers.calls[-1] == "connect id-one"
    assert containers.networks["id-one"] == "net"
