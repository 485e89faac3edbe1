"""The port to a container engine: what the library asks of it. Adapter: `docker_engine`; of Compose: `compose_port`.

Errors of every method: `EngineGone` where the engine stopped answering, `EngineRefused` where it refused, `NoSuchThing`
where a container or image is missing and the method doesn't say what happens then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, Self

from optimus_ops.engine.values import ContainerStart, Image, Limits, Sample
from optimus_ops.model.state import State
from optimus_ops.model.subnets import Network
from optimus_ops.system.process import Completed, OnLine


class LogStream(Protocol):
    """A container's output as it comes. Iteration raises `EngineGone` where the connection is cut."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces, which need not be whole lines."""

    def close(self) -> None:
        """End it, also from another thread while a piece is waited for."""


class Engine(Protocol):
    """A container engine. Containers are named by their ids."""

    @property
    def node(self) -> str:
        """Name of the engine's host."""

    @property
    def root(self) -> str:
        """Folder on that host where images, containers and volumes are."""

    @property
    def memory(self) -> int:
        """Memory of that host in bytes."""

    @property
    def cpus(self) -> float:
        """Cores of that host."""

    @property
    def version(self) -> str:
        """Version of the engine."""

    def answers(self) -> bool:
        """Tell whether the engine answers."""

    def now(self) -> datetime | None:
        """Return the time by the engine's clock."""

    def within(self, seconds: float | None) -> Self:
        """Return the same engine with another time limit for each answer; None for streams that never end."""

    def plugin_version(self, name: Literal["compose", "buildx"]) -> str | None:
        """Return the version of a plug-in of the command line; None where it is missing."""

    # Containers

    def observe(self, project: str, services: Collection[str] | None = None, *, one_off: bool = False) -> State:
        """Return the containers of a project (of some services only), or those of `docker compose run` (`one_off`)."""

    def inspect(self, project: str) -> tuple[Mapping[str, Any], ...]:
        """Return what the engine knows of each container of a project, as `GET /containers/{id}/json` answers."""

    def files(self, project: str, *, stopped: bool = False) -> tuple[str, ...]:
        """Return the paths of the Compose files that the running containers, or all, were made from."""

    def start(self, container: str, *, missing_ok: bool = True) -> None:
        """Start a container; nothing is done to one that runs."""

    def stop(self, container: str, *, seconds: float) -> bool:
        """Send the stop signal and wait, SIGKILL after `seconds`; tell whether it ended by itself."""

    def restart(self, container: str, *, seconds: float) -> None:
        """Stop a container, whatever it does, and start it; its count of restarts begins anew."""

    def remove(self, container: str) -> None:
        """Remove a container, running or not, with its anonymous volumes; a removal that is under way is waited for."""

    def pause(self, container: str) -> None:
        """Freeze a container; nothing is done to one that is frozen or missing."""

    def unpause(self, container: str) -> None:
        """Let a frozen container go on; nothing is done to one that isn't frozen or is missing."""

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process; refused where it doesn't run."""

    def kill(self, container: str) -> None:
        """End a container's processes with SIGKILL, if any runs."""

    def command(self, container: str) -> tuple[str, ...]:
        """Return the command that a container runs, without its entrypoint."""

    def pid(self, container: str) -> int:
        """Return the id of a container's first process on the engine's host."""

    def exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        seconds: float,
        check: bool = False,
        feed: Callable[[BinaryIO], object] | None = None,
    ) -> Completed:
        """Run a command in a running container; `check` raises `CommandFailed` where it fails.

        `feed` writes what the command reads from standard input: secrets, which arguments would show to everyone.
        """

    def exec_to(
        self, container: str, command: Sequence[str], write: Callable[[bytes], object], *, idle_seconds: float
    ) -> int:
        """Write a command's standard output somewhere as it comes, and return its exit code."""

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
        """Run a shell script (then its arguments) in a container without network, which is removed afterwards.

        It has the volumes of `volumes_of`, a container that may have ended, or an empty one at `scratch`, and then no
        capabilities. `user` is "" for the image's own; `feed` writes what the script reads from standard input. Raises
        `CommandFailed` if the script fails.
        """

    def logs(
        self, container: str, *, tail: int | None = 25, since: float | None = None, stderr: bool = True
    ) -> tuple[str, ...]:
        """Return lines that a container wrote: the last ones, or those since a time (seconds since 1970)."""

    def stream_logs(
        self,
        container: str,
        *,
        tail: int | str = 0,
        since: int | None = None,
        follow: bool = True,
        stderr: bool = True,
        timestamps: bool = False,
    ) -> LogStream:
        """Return a container's output from its last lines, or from a time on; `follow` goes on as it is written."""

    def starts(self, project: str) -> Iterator[ContainerStart]:
        """Return containers of services as they start; none that starts after this call is missed."""

    def limits(self, container: str) -> Limits:
        """Return a container's limits."""

    def sample(self, container: str) -> Sample:
        """Return one sample of a container's statistics."""

    def processes(self, container: str) -> tuple[str, ...]:
        """Return the processes in a container, a line each."""

    def read_file(self, container: str, path: str) -> bytes | None:
        """Return what is in a file of a container, running or not; None if it is missing."""

    # Images

    def images(self, names: Iterable[str]) -> dict[str, str]:
        """Return name -> id, of those of the named images that are on the host."""

    def image(self, name: str) -> Image | None:
        """Return an image by its name or id; None if it is missing."""

    def nameless_images(self, label: str) -> tuple[Image, ...]:
        """Return the images without a name that have a label."""

    def used_images(self) -> frozenset[str]:
        """Return the ids of the images of all containers."""

    def tag(self, image: str, name: str) -> None:
        """Give an image (an id or a name) a name."""

    def untag(self, name: str) -> None:
        """Take a name from an image, and remove the image if it was the last one and nothing uses it."""

    def pull(self, name: str, *, seconds: float) -> None:
        """Pull an image; raise `CommandFailed` where it can't be had."""

    def push_image(self, name: str, *, seconds: float, on_line: OnLine) -> str:
        """Push an image under one of its names, and return the digest of its manifest in the registry.

        Raises `CommandFailed` where the registry doesn't take it.
        """

    def save_image(self, image: str, archive: Path, *, seconds: float) -> None:
        """Write an image with all its layers to a file, as `docker save` does."""

    def registry_digest(self, name: str) -> str:
        """Return the digest of what a name stands for in its registry; raise `RegistryFailed` without an answer."""

    def read_image(self, image: str, folder: str, *, limit: int) -> bytes:
        """Return a folder of an image as a tar archive; raise `TooLarge` where that has more than `limit` bytes."""

    def import_image(
        self, archive: Path, name: str, changes: Sequence[str], *, seconds: float, on_line: OnLine
    ) -> None:
        """Make an image of a root file system; `changes` are instructions of a Dockerfile."""

    def bake(self, description: Path, *, cache: bool, seconds: float, on_line: OnLine) -> None:
        """Build the images that a bake file describes; raise `CommandFailed` where it fails."""

    # Networks and volumes

    def networks(self, project: str) -> tuple[str, ...]:
        """Return the names of a project's networks."""

    def all_networks(self) -> tuple[Network, ...]:
        """Return all networks of the engine."""

    def network_users(self, name: str) -> dict[str, str]:
        """Return id -> name of the containers that are connected to a network; none if it is missing."""

    def remove_network(self, name: str) -> bool:
        """Remove a network; False if it was missing."""

    def connect_network(self, container: str, network: str, *, address: str, aliases: Sequence[str]) -> None:
        """Connect a container to a network; nothing is done where it is connected."""

    def attachment(self, container: str, address: str) -> tuple[str, tuple[str, ...]]:
        """Return the network by which a container has an address, and its aliases there."""

    def disconnect_network(self, container: str, network: str) -> None:
        """Disconnect a container from a network."""

    def volumes(self, project: str) -> tuple[str, ...]:
        """Return the names of a project's volumes."""

    def remove_volume(self, name: str) -> None:
        """Remove a volume; nothing is done where it is missing."""
