"""Containers of the fake engine: a state machine over the fake clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from optimus_ops.engine.labels import PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.model.stack import PublishedPort
from optimus_ops.model.state import Replica

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
KILLED = 137
SETTLED_SECONDS = 10.0


@dataclass(frozen=True)
class Behaviour:
    """How the containers of an image or a service behave.

    Args:
        healthy_after: seconds from start to healthy; None without a health check.
        unhealthy: whether the health check fails from then on.
        exits_after: seconds after which it ends by itself; None for never.
        exit_code: with what it ends then.
        restarts: whether the engine starts it again where it ends by itself.
        drains: seconds from SIGTERM to its end; None for one that ignores it.
        output: what it writes as it starts.
        on_exit: told of the container's image as it ends by itself.
    """

    healthy_after: float | None = 1.0
    unhealthy: bool = False
    exits_after: float | None = None
    exit_code: int = 0
    restarts: bool = False
    drains: float | None = 0.5
    output: tuple[str, ...] = ()
    on_exit: Callable[[str], None] | None = None


@dataclass
class FakeContainer:
    """One container; `status` is the engine's word."""

    id: str
    name: str
    project: str
    service: str
    number: int
    image: str
    image_id: str
    behaviour: Behaviour
    created: float
    config_hash: str = ""
    one_off: bool = False
    status: str = "created"
    started: float | None = None
    exit_code: int = 0
    restarts: int = 0
    output: list[str] = field(default_factory=list)
    networks: dict[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    published: tuple[PublishedPort, ...] = ()
    stop_seconds: float = 10.0
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def occupied(self) -> bool:
        return self.status in {"running", "paused", "restarting"}

    def copy(self) -> Self:
        return replace(self, output=list(self.output), networks=dict(self.networks), files=dict(self.files))

    def start(self, now: float) -> None:
        if not self.occupied:
            self.status, self.started, self.exit_code = "running", now, 0
            self.output += self.behaviour.output

    def end(self, code: int) -> None:
        if self.occupied:
            self.status, self.exit_code = "exited", code

    def advance(self, now: float) -> None:
        """Let it end by itself, if it is time."""
        lasts = self.behaviour.exits_after
        while self.status == "running" and lasts is not None and self.started is not None:
            if now - self.started < lasts:
                return
            ended = self.started + lasts
            self.end(self.behaviour.exit_code)
            if self.behaviour.on_exit is not None:
                self.behaviour.on_exit(self.image)
            if self.behaviour.restarts:
                self.restarts += 1
                self.start(ended + 0.1)

    def health(self, now: float) -> str | None:
        if self.behaviour.healthy_after is None or self.started is None or not self.occupied:
            return None
        if now - self.started < self.behaviour.healthy_after:
            return "starting"
        return "unhealthy" if self.behaviour.unhealthy else "healthy"

    def inspected(self, now: float) -> dict[str, Any]:
        """Return it as `GET /containers/{id}/json` answers."""
        self.advance(now)
        labels = {PROJECT_LABEL: self.project, SERVICE_LABEL: self.service, **self.labels}
        networks = {name: {"IPAddress": address} for name, address in self.networks.items()}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image_id,
            "State": {"Status": self.status, "Running": self.occupied, "ExitCode": self.exit_code},
            "Config": {
                "Image": self.image,
                "Labels": labels,
                "Env": [f"{name}={value}" for name, value in self.environment.items()],
            },
            "NetworkSettings": {"Networks": networks},
        }

    def ready(self, now: float) -> bool:
        """Tell whether it would be a ready replica; to make that takes longer."""
        self.advance(now)
        return self.status == "running" and self.health(now) in {None, "healthy"}

    def replica(self, now: float, node: str) -> Replica:
        self.advance(now)
        health = self.health(now)
        young = self.started is not None and now - self.started < SETTLED_SECONDS
        return Replica(
            id=self.id,
            name=self.name,
            service=self.service,
            number=self.number,
            image=self.image,
            image_id=self.image_id,
            status=self.status,
            health=health,
            hostname=f"host-{self.id}",
            addresses=dict(self.networks),
            started_at=None if self.started is None else EPOCH + timedelta(seconds=self.started),
            exit_code=self.exit_code,
            node=node,
            config_hash=self.config_hash,
            restarts=self.restarts,
            created_at=EPOCH + timedelta(seconds=self.created),
            environment=self.environment,
            published=self.published if self.occupied else (),
            crashing=self.status == "running" and self.restarts > 0 and health != "healthy" and young,
            stop_seconds=self.stop_seconds,
            labels=self.labels,
        )
