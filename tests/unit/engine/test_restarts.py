"""What the engine's answers mean: a container that it starts again and again, and one that it once did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from optimus_ops.engine.docker_engine import DockerEngine

LABELS = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "ai",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.config-hash": "x",
}


@dataclass(frozen=True)
class Engine:
    """Answers as the engine does, of one container."""

    state: dict[str, Any]
    restarts: int
    labels: dict[str, str]

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return [{"Id": "a1", "Labels": self.labels}]

    def inspect_container(self, _id: str) -> dict[str, Any]:
        return {
            "Id": "a1",
            "Name": "/shop-ai-1",
            "Config": {"Labels": self.labels, "StopTimeout": 80},
            "State": {"ExitCode": 0, **self.state},
            "NetworkSettings": {},
            "RestartCount": self.restarts,
        }

    def info(self) -> dict[str, Any]:
        return {"SystemTime": "2026-11-28T12:00:30.5Z"}


def observed(status: str, started: str, restarts: int, health: str = "none", **labels: str) -> Any:
    facts = {"Status": status, "StartedAt": f"2026-11-28T12:00:{started}Z", "Health": {"Status": health}}
    engine = DockerEngine(Engine(facts, restarts, {**LABELS, **labels}), "here")
    return engine.observe("shop", one_off=bool(labels)).replicas


@pytest.mark.parametrize(
    ("started", "restarts", "health", "crashing"),
    [
        ("28.0", 3, "none", True),
        ("28.0", 3, "starting", True),
        ("28.0", 3, "healthy", False),
        ("28.0", 0, "none", False),
        ("10.0", 3, "none", False),
    ],
)
def test_one_that_was_only_just_started_again_is_not_counted_on(
    started: str, restarts: int, health: str, crashing: bool
) -> None:
    [found] = observed("running", started, restarts, health)
    assert found.crashing is crashing
    assert found.running is not crashing
    assert found.occupied


def test_containers_of_compose_run_are_seen_apart() -> None:
    assert len(observed("running", "28.0", 0, **{"com.docker.compose.oneoff": "True"})) == 1
    assert observed("running", "28.0", 0)[0].stop_seconds == 80


@pytest.mark.parametrize(
    ("status", "occupied"), [("restarting", True), ("paused", True), ("exited", False), ("created", False)]
)
def test_what_does_not_run_may_still_hold_its_ports(status: str, occupied: bool) -> None:
    [found] = observed(status, "28.0", 0)
    assert not found.running
    assert found.occupied is occupied
