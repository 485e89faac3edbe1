"""The Docker engine: its API for what it is asked, its command line where that knows more than the API's client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from optimus_ops.engine.docker_images import DockerImages
from optimus_ops.engine.errors import EngineRefused, NoSuchThing
from optimus_ops.engine.labels import PROJECT_LABEL
from optimus_ops.engine.parse import parse_network
from optimus_ops.model.subnets import Network
from optimus_ops.system.process import Completed, run, stream


@dataclass(frozen=True)
class DockerEngine(DockerImages):
    """The adapter of `engine.port.Engine`."""

    # Processes: the command line, since docker-py loses output that comes together with the answer's headers.

    def exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        seconds: float,
        check: bool = False,
        feed: Callable[[BinaryIO], object] | None = None,
    ) -> Completed:
        options = ["--interactive"] if feed else []
        return run(["docker", "exec", *options, container, *command], deadline=seconds, check=check, feed=feed)

    def exec_to(
        self, container: str, command: Sequence[str], write: Callable[[bytes], object], *, idle_seconds: float
    ) -> int:
        return stream(["docker", "exec", container, *command], write, idle_seconds=idle_seconds)

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
        options = [
            *(["--volumes-from", volumes_of] if volumes_of else []),
            *(["--user", user] if user else []),
            *(["--volume", scratch, "--cap-drop", "ALL"] if scratch else []),
        ]
        start = ["docker", "run", "--rm", "--interactive", "--network", "none", *options, "--entrypoint", "sh"]
        text, *arguments = script
        return run([*start, image, "-euc", text, "sh", *arguments], deadline=seconds, feed=feed)

    # Networks and volumes

    def networks(self, project: str) -> tuple[str, ...]:
        listed = self.client.networks(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return tuple(sorted(str(network["Name"]) for network in listed))

    def all_networks(self) -> tuple[Network, ...]:
        return tuple(parse_network(raw) for raw in self.client.networks())

    def network_users(self, name: str) -> dict[str, str]:
        try:
            found = self.client.inspect_network(name)
        except NoSuchThing:
            return {}
        return {key: str(container.get("Name", "")) for key, container in (found.get("Containers") or {}).items()}

    def remove_network(self, name: str) -> bool:
        try:
            self.client.remove_network(name)
        except NoSuchThing:
            return False
        return True

    def connect_network(self, container: str, network: str, *, address: str, aliases: Sequence[str]) -> None:
        try:
            self.client.connect_container_to_network(
                container, network, ipv4_address=address, aliases=list(aliases) or None
            )
        except EngineRefused:
            connected = self.client.inspect_container(container)["NetworkSettings"]["Networks"]
            if connected.get(network, {}).get("IPAddress") != address:
                raise

    def attachment(self, container: str, address: str) -> tuple[str, tuple[str, ...]]:
        ends = self.client.inspect_container(container)["NetworkSettings"]["Networks"]
        for name, end in ends.items():
            if end.get("IPAddress") == address:
                return name, tuple(end.get("Aliases") or ())
        raise NoSuchThing(f"{container} has no address {address}")

    def disconnect_network(self, container: str, network: str) -> None:
        self.client.disconnect_container_from_network(container, network)

    def volumes(self, project: str) -> tuple[str, ...]:
        listed = self.client.volumes(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return tuple(sorted(str(volume["Name"]) for volume in listed.get("Volumes") or ()))

    def remove_volume(self, name: str) -> None:
        with suppress(NoSuchThing):
            self.client.remove_volume(name)
