"""An engine in memory, that `engine.port.Engine` describes: containers as state machines, time as a value.

Every call reports to a hook before it does anything, amid what it does (where that has parts) and after it: a hook may
raise (an interruption), end a container, or let the engine be gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from tests.fakes.containers import EPOCH, KILLED
from tests.fakes.host import reported
from tests.fakes.images import FakeImages

from optimus_ops.engine.errors import EngineRefused, NoSuchThing
from optimus_ops.engine.values import ContainerStart, Limits, Sample
from optimus_ops.model.state import State, sorted_state
from optimus_ops.model.subnets import Network
from optimus_ops.system.process import CommandFailed, Completed, run


class FakeStream:
    """Output that has ended."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)

    def __iter__(self) -> Iterator[bytes]:
        return (f"{line}\n".encode() for line in self._lines)

    def close(self) -> None:
        return


@dataclass
class FakeEngine(FakeImages):
    """The engine."""

    # Containers

    @reported
    def observe(self, project: str, services: Collection[str] | None = None, *, one_off: bool = False) -> State:
        found = [
            container.replica(self.clock.now, self.node)
            for container in list(self.containers.values())
            if container.project == project and container.one_off is one_off
            if services is None or container.service in services
        ]
        return sorted_state(project, found)

    @reported
    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        found = [container for container in self.containers.values() if container.project == project]
        return tuple(container.inspected(self.clock.now) for container in found)

    def files(self, project: str, *, stopped: bool = False) -> tuple[str, ...]:  # noqa: ARG002 - none are labelled
        return ()

    @reported
    def start(self, container: str, *, missing_ok: bool = True) -> None:
        if container not in self.containers and missing_ok:
            return
        found = self._get(container)
        if found.status in {"removing", "dead"}:
            raise EngineRefused("it is being removed", 409)
        if not found.occupied:
            self.started.append(found)
        found.start(self.clock.now)

    @reported
    def stop(self, container: str, *, seconds: float) -> bool:
        if container not in self.containers:
            return True
        found = self._get(container)
        if not found.occupied:
            return found.exit_code != KILLED
        self.report("stop", "amid", container)
        drains = found.behaviour.drains
        in_time = drains is not None and drains <= seconds and found.status != "paused"
        self.clock.sleep(drains if in_time and drains is not None else seconds)
        found.end(0 if in_time else KILLED)
        return in_time

    @reported
    def restart(self, container: str, *, seconds: float) -> None:
        if container in self.containers:
            found = self._get(container)
            self.clock.sleep(min(found.behaviour.drains or 0.0, seconds))
            found.end(0)
            self.report("restart", "amid", container)
            found.restarts = 0
            self.started.append(found)
            found.start(self.clock.now)

    @reported
    def remove(self, container: str) -> None:
        if container in self.containers:
            self.containers[container].status = "removing"
            self.report("remove", "amid", container)
            self.containers.pop(container, None)

    @reported
    def pause(self, container: str) -> None:
        if container in self.containers and (found := self._get(container)).status != "paused":
            if found.status != "running":
                raise EngineRefused("it is not running", 409)
            found.status = "paused"

    @reported
    def unpause(self, container: str) -> None:
        if container in self.containers and (found := self._get(container)).status == "paused":
            found.status = "running"

    @reported
    def signal(self, container: str, name: str) -> None:
        if not (found := self._get(container)).occupied:
            raise EngineRefused("it is not running", 409)
        self.signals.append((container, name))
        if name == "SIGKILL":
            found.end(KILLED)

    @reported
    def kill(self, container: str) -> None:
        if container in self.containers:
            self.containers[container].end(KILLED)

    def command(self, container: str) -> tuple[str, ...]:
        return ("nginx", "-g", "daemon off;") if "nginx" in self._get(container).image else ("serve",)

    def pid(self, container: str) -> int:
        return list(self.containers).index(container) + 1

    @reported
    def exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        seconds: float,  # noqa: ARG002 - as above
        check: bool = False,
        feed: Callable[[BinaryIO], object] | None = None,  # noqa: ARG002 - as above
    ) -> Completed:
        if self._get(container).status != "running":
            return Completed(tuple(command), 1, "", "it is not running")
        completed = self.on_exec(container, command)
        if check and completed.code:
            raise CommandFailed(completed)
        return completed

    def exec_to(
        self, container: str, command: Sequence[str], write: Callable[[bytes], object], *, idle_seconds: float
    ) -> int:
        completed = self.exec(container, command, seconds=idle_seconds)
        write(completed.stdout.encode())
        return completed.code

    def run_helper(
        self,
        image: str,
        script: Sequence[str],
        *,
        volumes_of: str = "",
        user: str = "",
        scratch: str = "",
        feed: Callable[[BinaryIO], object] | None = None,
        seconds: float = 900.0,
    ) -> Completed:
        del volumes_of, user, scratch
        self._image_id(image)
        text, *arguments = script
        return run(["sh", "-euc", text, "sh", *arguments], deadline=seconds, feed=feed)

    def logs(
        self, container: str, *, tail: int | None = 25, since: float | None = None, stderr: bool = True
    ) -> tuple[str, ...]:  # fmt: skip
        del since, stderr
        output = self.containers[container].output if container in self.containers else []
        return tuple(output if tail is None else output[-tail:] if tail else ())

    def stream_logs(
        self,
        container: str,
        *,
        tail: int | str = 0,
        since: int | None = None,
        follow: bool = True,
        stderr: bool = True,
        timestamps: bool = False,
    ) -> FakeStream:
        del tail, since, follow, stderr, timestamps
        return FakeStream(self._get(container).output)

    def starts(self, project: str) -> Iterator[ContainerStart]:
        first = len(self.started)
        return (
            ContainerStart(made.id, made.name, made.service, int(EPOCH.timestamp() + (made.started or 0.0)))
            for made in itertools.islice(iter(self.started), first, None)
            if made.project == project and not made.one_off
        )

    def limits(self, container: str) -> Limits:
        return Limits(restarts=self._get(container).restarts)

    def sample(self, container: str) -> Sample:
        self._get(container)
        return Sample(self.now())

    def processes(self, container: str) -> tuple[str, ...]:
        return self.command(container)

    def read_file(self, container: str, path: str) -> bytes | None:
        return self._get(container).files.get(path)

    # Networks and volumes

    @reported
    def networks(self, project: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, owner in self.known_networks.items() if owner == project))

    def all_networks(self) -> tuple[Network, ...]:
        return tuple(Network(name, owner, ()) for name, owner in self.known_networks.items())

    @reported
    def network_users(self, name: str) -> dict[str, str]:
        containers = self.containers.items()
        return {key: found.name for key, found in containers if name in found.networks and found.occupied}

    @reported
    def remove_network(self, name: str) -> bool:
        if self.network_users(name):
            raise EngineRefused("it has active endpoints", 403)
        return self.known_networks.pop(name, None) is not None

    @reported
    def connect_network(self, container: str, network: str, *, address: str, aliases: Sequence[str]) -> None:
        del aliases
        self._get(container).networks[network] = address

    def attachment(self, container: str, address: str) -> tuple[str, tuple[str, ...]]:
        for name, own in self._get(container).networks.items():
            if own == address:
                return name, ()
        raise NoSuchThing(f"{container} has no address {address}")

    @reported
    def disconnect_network(self, container: str, network: str) -> None:
        self._get(container).networks.pop(network, None)

    @reported
    def volumes(self, project: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, owner in self.known_volumes.items() if owner == project))

    @reported
    def remove_volume(self, name: str) -> None:
        self.known_volumes.pop(name, None)
