"""What runs, as values: a project's replicas and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from optimus_ops.stack.model import PublishedPort


def short_id(image: str) -> str:
    """Return an image's id as people write it: twelve digits."""
    return image.removeprefix("sha256:")[:12]


@dataclass(frozen=True, slots=True)
class Replica:
    """One container of a service.

    Args:
        id: the container's full id.
        name: its name (`optimus-ai-engine-2`).
        service: the service it belongs to.
        number: its number within the service.
        image: the image's name as it was asked for.
        image_id: the digest of the image it really runs.
        status: the engine's word: created, running, restarting, paused, exited, dead, removing.
        health: starting, healthy or unhealthy; None without a health check.
        hostname: the container's hostname, which it says in `X-Served-By`.
        addresses: network name -> IPv4 address.
        started_at: when it was last started.
        exit_code: of the last run, 0 while it runs.
        node: the host it runs on.
        folder: the folder of the Compose files that it was made from.
        config_hash: Compose's digest of the service's definition that it was made from; "" if Compose did not make it.
        restarts: how often the engine has started it again after it ended by itself.
        created_at: when it was made.
        environment: its variables, those of its image included.
        published: its ports on the host as they are bound while it runs.
    """

    id: str
    name: str
    service: str
    number: int
    image: str
    image_id: str
    status: str
    health: str | None
    hostname: str
    addresses: dict[str, str]
    started_at: datetime | None
    exit_code: int
    node: str
    folder: str = ""
    config_hash: str = ""
    restarts: int = 0
    created_at: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    published: tuple[PublishedPort, ...] = ()

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"

    @property
    def ready(self) -> bool:
        """Whether it runs and its health check, if it has one, passes."""
        return self.running and self.health in {None, "healthy"}


@dataclass(frozen=True, slots=True)
class State:
    """What was observed of one project."""

    project: str
    replicas: tuple[Replica, ...] = ()

    def of(self, service: str) -> tuple[Replica, ...]:
        """Return a service's replicas, in the order of their numbers."""
        return tuple(replica for replica in self.replicas if replica.service == service)

    def running(self, service: str) -> tuple[Replica, ...]:
        """Return those of a service's replicas whose process runs."""
        return tuple(replica for replica in self.of(service) if replica.running)

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of all containers."""
        return frozenset(replica.id for replica in self.replicas)


def sorted_state(project: str, replicas: Iterable[Replica]) -> State:
    """Make a state with its replicas in a stable order."""
    return State(project, tuple(sorted(replicas, key=lambda replica: (replica.service, replica.number, replica.id))))
