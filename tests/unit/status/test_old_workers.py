"""Workers of nginx that a reload left behind, in `invoke status`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from docker.errors import APIError
from tests.unit.stacks import replica
from tests.unit.status.test_report import seen, shown, status_of

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.model.state import sorted_state
from optimus_ops.status.old_workers import old_workers

MASTER = ["10", "nginx: master process nginx -g daemon off;"]
WORKER = ["11", "nginx: worker process"]
OLD = ["12", "nginx: worker process is shutting down"]


@dataclass(frozen=True)
class Engine:
    processes: dict[str, list[list[str]]]

    def top(self, container: str) -> dict[str, Any]:
        if container not in self.processes:
            raise APIError("no such container")
        return {"Titles": ["PID", "CMD"], "Processes": self.processes[container]}


@pytest.mark.parametrize(("image", "balancer"), [("nginx:1.30", None), ("shop/edge:3", "lb")])
def test_they_are_counted_by_their_titles(image: str, balancer: str | None) -> None:
    made = replica("lb", 1, image=image)
    engine = Engine({made.id: [MASTER, WORKER, OLD, OLD]})
    assert old_workers(DockerEngine(engine, "here"), sorted_state("shop", [made]), balancer) == {"lb": 2}


def test_one_that_can_t_be_looked_into_has_none() -> None:
    assert (
        old_workers(
            DockerEngine(Engine({}), "here"), sorted_state("shop", [replica("lb", 1, image="nginx:1.30")]), "lb"
        )
        == {}
    )


@pytest.mark.parametrize(("count", "words"), [(1, "1 worker from"), (3, "3 workers from")])
def test_status_says_that_they_hold_connections(count: int, words: str) -> None:
    sighting = seen(replica("lb"), old_workers={"lb": count})
    assert f"* lb: {words} before a reload still hold" in shown(sighting, 200)
    assert json.loads(json.dumps(status_of(sighting)))["old_balancer_workers"] == {"lb": count}
