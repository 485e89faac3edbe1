"""Changes that end alike on every engine: one body each, run with the fake engine and with Docker.

Compared are the plan as text, the events of the journal, and what is there in the end.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from optimus_ops.balancer.routing import Prober
from optimus_ops.change.options import ChangeOptions, Deadlines
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.step import Step
from optimus_ops.rollout import deploy as deploying
from optimus_ops.rollout import down as stopping
from optimus_ops.rollout import scale as scaling
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.requests import DeployRequest, DownRequest
from optimus_ops.stack.context import StackContext
from optimus_ops.text.console import Console, Progress

SCALABLE = {"com.optimus.scalable": "true"}
CHECK = {
    "test": ["CMD", "test", "-e", "/tmp/ready"],
    "interval": "500ms",
    "retries": 1000,
    "start_period": "0s",
}
DEADLINES = Deadlines(healthy=6.0)


@dataclass
class Subject:
    """A stack of which nothing runs, on some engine; `image` is the repository of versions `1`, `2` and `mute`."""

    engine: Engine
    compose: Compose
    image: str
    prober: Prober = field(default_factory=Prober)
    printed: io.StringIO = field(default_factory=io.StringIO)

    def context(self) -> StackContext:
        """Return the stack, opened for a change."""
        console = Console(self.printed, live=False, colour=False)
        return StackContext(
            self.compose.project, self.compose, self.engine, console, ChangeOptions(deadlines=DEADLINES)
        )

    def scale(self, **counts: int) -> None:
        scaling.scale(self.context(), ScaleRequest(counts), self.prober)

    def deploy(self, tag: str) -> None:
        request = DeployRequest(("worker",), tag, parallelism=1, surge=1, observe=1)
        deploying.deploy(self.context(), request, self.prober)

    def down(self) -> None:
        stopping.down(self.context(), DownRequest(prune_network=True), self.prober)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the events of the last change."""
        path = max((self.compose.project.state / "journal").glob("*.jsonl"))
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    @property
    def plan(self) -> list[str]:
        """Return the texts of the last plan's steps, without the name of the project and the ids of images."""
        project = self.compose.project.name
        texts = [str(step["text"]) for step in self.events[0]["plan"]["steps"]]
        return [re.sub(r"\b[0-9a-f]{12}\b", "ID", text.replace(project, "shop")) for text in texts]

    @property
    def course(self) -> str:
        """Return the kinds of the last change's events in short."""
        return " ".join(event["event"] for event in self.events if event["event"] != "step")

    @property
    def undone(self) -> list[str]:
        """Return what the last change undid, a line each."""
        project = self.compose.project.name
        lines = [str(line).replace(project, "shop") for event in self.events for line in event.get("undone", ())]
        return sorted(re.sub(r"\b[0-9a-f]{12}\b", "ID", line) for line in lines)

    @property
    def end(self) -> dict[str, str]:
        """Return container -> version and status of what is there."""
        project = self.compose.project.name
        return {
            replica.name.removeprefix(f"{project}-"): f"{replica.image.rpartition(':')[2]} {replica.status}"
            for replica in self.engine.observe(project).replicas
        }


def model(project: str, image: str) -> dict[str, Any]:
    """Return the stack's merged model."""
    service = {"image": f"{image}:1", "healthcheck": CHECK, "stop_grace_period": "5s", "networks": ["own"]}
    return {
        "name": project,
        "networks": {"own": {"name": f"{project}_own"}},
        "services": {"store": service, "worker": {**service, "labels": SCALABLE}},
    }


def case_scale_up(subject: Subject) -> None:
    subject.scale(worker=1)
    assert subject.plan == [
        "start store",
        "wait until healthy: store",
        "start worker",
        "wait until healthy: worker",
    ]
    subject.scale(worker=2)
    assert subject.plan == ["start worker=2", "wait until healthy: worker=2"]
    assert subject.course == "begin step-done step-done done"
    assert subject.end == {"store-1": "1 running", "worker-1": "1 running", "worker-2": "1 running"}


def case_scale_down(subject: Subject) -> None:
    subject.scale(worker=2)
    subject.scale(worker=1)
    assert subject.plan == ["drain and stop shop-worker-2", "remove shop-worker-2"]
    assert subject.course == "begin step-done step-done done"
    assert subject.end == {"store-1": "1 running", "worker-1": "1 running"}


def case_deploy_with_surge(subject: Subject) -> None:
    subject.scale(worker=2)
    subject.deploy("2")
    assert subject.plan == [
        "keep worker's image ID for a rollback",
        f"pin worker to {subject.image}:2",
        "check the contracts of worker",
        "start worker=3",
        "wait until healthy: worker (new ones)",
        "observe the new worker for 1 s",
        "drain and stop shop-worker-2",
        "start worker=3",
        "wait until healthy: worker=2 (new ones)",
        "observe the new worker for 1 s",
        "drain and stop shop-worker-1",
        "remove shop-worker-2, shop-worker-1",
    ]
    assert subject.course == "begin " + "step-done " * 12 + "done"
    assert subject.end == {"store-1": "1 running", "worker-3": "2 running", "worker-4": "2 running"}


def case_an_old_replica_that_dies_by_itself_gets_one_successor(subject: Subject) -> None:
    subject.scale(worker=2)
    with old_replica_dies(subject, step=4), pytest.raises(OpsError, match="worker-1 was killed"):
        subject.deploy("2")
    assert subject.end == {"store-1": "1 running", "worker-3": "2 running", "worker-4": "2 running"}


@contextmanager
def old_replica_dies(subject: Subject, step: int) -> Iterator[None]:
    """Kill the oldest replica of worker before a step of the change that is carried out meanwhile."""
    carry_out, count = StackExecutor.carry_out, itertools.count(1)
    oldest = subject.engine.observe(subject.compose.project.name).of("worker")[0].id

    def carrying_out(executor: StackExecutor, made: Step, progress: Progress) -> None:
        if next(count) == step:
            subject.engine.kill(oldest)
        carry_out(executor, made, progress)

    with patch.object(StackExecutor, "carry_out", carrying_out):
        yield


def case_a_failing_version_is_undone(subject: Subject) -> None:
    subject.scale(worker=1)
    with pytest.raises(OpsError, match="worker-2 is not healthy after 6 s"):
        subject.deploy("mute")
    assert subject.course == "begin " + "step-done " * 4 + "failed undo"
    assert subject.undone == ["no longer keeps worker's image ID", "put pins back", "removed shop-worker-2"]
    assert subject.end == {"store-1": "1 running", "worker-1": "1 running"}


def case_down(subject: Subject) -> None:
    subject.scale(worker=1)
    subject.down()
    assert subject.plan == [
        "drain and stop shop-worker-1",
        "remove shop-worker-1",
        "drain and stop shop-store-1",
        "remove shop-store-1",
        "remove network shop_own",
    ]
    assert subject.course == "begin " + "step-done " * 5 + "done"
    assert subject.end == {}
    assert subject.engine.networks(subject.compose.project.name) == ()


CASES: dict[str, Callable[[Subject], None]] = {
    name.removeprefix("case_"): made for name, made in list(globals().items()) if name.startswith("case_")
}
