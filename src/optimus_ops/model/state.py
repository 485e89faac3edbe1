"""Observed state: the replicas of a project, as values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from optimus_ops.model.stack import STOP_SECONDS, PublishedPort

CONDITIONS = {
    "created": "was never started",
    "paused": "is frozen (docker pause)",
    "removing": "is being removed",
}
"""Statuses of containers that can't serve, as sentences say them."""


def short_id(image: str) -> str:
    """Return an image's id shortened to twelve digits."""
    return image.removeprefix("sha256:")[:12]


@dataclass(frozen=True, slots=True)
class Replica:
    """One container of a service.

    Args:
        image: the image's name as it was asked for; `image_id` is the digest of the one that it really runs.
        status: the engine's word: created, running, restarting, paused, exited, dead, removing.
        health: starting, healthy or unhealthy; None without a health check.
        hostname: what it sends in `X-Served-By`.
        addresses: network name -> IPv4 address.
        exit_code: of the last run, 0 while it runs.
        folder: the folder of the Compose files that it was created from.
        config_hash: Compose's digest of the service's definition that it was created from; "" without Compose.
        restarts: how often the engine has started it again after it ended by itself.
        environment: its variables, those of its image included.
        crashing: it runs only since a moment ago, because the engine started it again after it ended by itself.
        stop_seconds: grace between SIGTERM and SIGKILL.
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
    crashing: bool = False
    stop_seconds: float = STOP_SECONDS
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether its process runs and is not crashing; for a plan, anything else but a frozen one has ended."""
        return self.status == "running" and not self.crashing

    @property
    def occupied(self) -> bool:
        """Whether it holds its ports and the like: it runs, is frozen, or crashes again and again."""
        return self.status in {"running", "paused", "restarting"}

    @property
    def frozen(self) -> bool:
        """Whether its process is paused (`docker pause`)."""
        return self.status == "paused"

    @property
    def ready(self) -> bool:
        """Whether it runs and its health check, if it has one, passes."""
        return self.running and self.health in {None, "healthy"}

    @property
    def ended_well(self) -> bool:
        """Whether it ran to its end without an error."""
        return self.status == "exited" and self.exit_code == 0

    @property
    def troubled(self) -> bool:
        """Whether it runs, but its health check fails or the engine had to start it again."""
        return self.running and (self.health == "unhealthy" or self.restarts > 0)

    @property
    def condition(self) -> str:
        """In a few words what is wrong with it; "" if nothing is."""
        if self.status == "exited":
            return f"ended with {self.exit_code}"
        if self.crashing or self.status == "restarting":
            code = f" with {self.exit_code}" if self.exit_code else ""
            return f"ended{code} and was started again {_times(self.restarts)}"
        if self.status != "running":
            return CONDITIONS.get(self.status, f"is {self.status}")
        unwell = ["is unhealthy"] if self.health == "unhealthy" else []
        restarted = [f"was started again {_times(self.restarts)} by the engine"] if self.restarts else []
        return " and ".join([*unwell, *restarted])


@dataclass(frozen=True, slots=True)
class State:
    """The containers of one project, as observed."""

    project: str
    replicas: tuple[Replica, ...] = ()

    def of(self, service: str) -> tuple[Replica, ...]:
        """Return a service's containers, in the order of their numbers."""
        return tuple(replica for replica in self.replicas if replica.service == service)

    def running(self, service: str) -> tuple[Replica, ...]:
        """Return a service's running replicas."""
        return tuple(replica for replica in self.of(service) if replica.running)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that have a container."""
        return tuple(dict.fromkeys(replica.service for replica in self.replicas))

    def lasting(self, service: str) -> tuple[Replica, ...]:
        """Return a service's containers, ended ones included, but for those that the engine is removing."""
        return tuple(replica for replica in self.of(service) if replica.status != "removing")

    @property
    def frozen(self) -> tuple[Replica, ...]:
        """The paused containers."""
        return tuple(replica for replica in self.replicas if replica.frozen)

    def resumed(self) -> State:
        """Return the state after paused containers are unpaused."""
        resumed = (replace(found, status="running") if found.frozen else found for found in self.replicas)
        return State(self.project, tuple(resumed))

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all containers."""
        return frozenset(replica.id for replica in self.replicas)


def sorted_state(project: str, replicas: Iterable[Replica]) -> State:
    """Make a state with its replicas in a stable order."""
    return State(project, tuple(sorted(replicas, key=lambda replica: (replica.service, replica.number, replica.id))))


def ended_badly(state: State, jobs: Collection[str]) -> tuple[Replica, ...]:
    """Return the containers that can't serve, jobs that ended well left out."""
    return tuple(
        replica
        for replica in state.replicas
        if not replica.running and not (replica.service in jobs and replica.ended_well)
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
