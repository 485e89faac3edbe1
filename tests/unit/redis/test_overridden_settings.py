"""Settings that a killed change left overridden: found in its journal, and put back by the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.redis.loopback import Loopback, Process
from tests.unit.redis.samples import server, single

from optimus_ops.change.executor import execute
from optimus_ops.change.journal import Journal
from optimus_ops.plan.step import Plan
from optimus_ops.redis.client import NO_CREDENTIALS
from optimus_ops.redis.discovery import UrlDeployment
from optimus_ops.redis.failover_executor import PREFERRED, PRIORITY, FailoverExecutor
from optimus_ops.redis.model import Topology
from optimus_ops.redis.overridden_settings import Override, as_usual, journalled, left_overridden, override
from optimus_ops.redis.redis_url import parse_redis_url
from optimus_ops.text.console import Progress


@pytest.fixture
def process(redis: Loopback) -> Process:
    """Return a server whose replica-priority was raised by a failover that was killed."""
    made = redis.server()
    with made.client() as client:
        client.config_set(PRIORITY, PREFERRED)
    return made


def deployment(process: Process) -> UrlDeployment:
    return UrlDeployment(parse_redis_url(process.url), NO_CREDENTIALS, "state")


def raised(topology: Topology) -> Override:
    return Override(topology.servers[0], PRIORITY, "100", str(PREFERRED))


def change(folder: Path, *overrides: Override, project: str, end: str = "") -> None:
    """Write the journal of a change that ended, or was killed before that."""
    journal = Journal.begin(folder, Plan(project, "redis.failover"), before=journalled(overrides), command=())
    if end:
        journal.write(end)
    os.close(journal.descriptor)


def priority(process: Process) -> str:
    with process.client() as client:
        return str(client.config_get(PRIORITY)[PRIORITY])


def test_the_next_change_puts_back_what_a_killed_one_left(process: Process, tmp_path: Path) -> None:
    place = deployment(process)
    topology = place.observe()
    change(tmp_path, raised(topology), project=topology.title)

    left = left_overridden(tmp_path, topology, place.server)

    assert [(found.usual, found.temporary) for found in left] == [("100", "1")]
    plan = Plan(topology.title, "redis.failover", tuple(found.step for found in left))
    executor = FailoverExecutor(place, left=left)
    executor.begin()
    execute(plan, executor, lambda _event: None)
    assert priority(process) == "100"
    assert not executor.undo_stack
    with process.client() as client:
        assert "replica-priority 1" not in Path(client.info("server")["config_file"]).read_text().splitlines()
    assert left_overridden(tmp_path, topology, place.server) == ()


def test_a_change_that_is_stopped_first_puts_it_back_in_its_undo(process: Process) -> None:
    place = deployment(process)
    executor = FailoverExecutor(place, left=(raised(place.observe()),))
    executor.begin()

    [undone] = executor.undo(Progress("undo"))

    assert undone.endswith("is 100 again")
    assert priority(process) == "100"


def test_a_setting_that_has_its_usual_value_already_is_done(process: Process) -> None:
    place = deployment(process)
    left = raised(place.observe())
    executor = FailoverExecutor(place, left=(left,))

    assert not executor.applied(left.step)
    left.put_back(place.server)
    assert executor.applied(left.step)


@pytest.mark.parametrize("end", ["done", "undo"])
def test_the_latest_change_of_a_setting_counts(process: Process, tmp_path: Path, end: str) -> None:
    place = deployment(process)
    topology = place.observe()
    change(tmp_path, raised(topology), project=topology.title)
    change(tmp_path, raised(topology), project=topology.title, end=end)

    assert left_overridden(tmp_path, topology, place.server) == ()


def test_what_somebody_set_since_is_left_alone(process: Process, tmp_path: Path) -> None:
    place = deployment(process)
    topology = place.observe()
    change(tmp_path, raised(topology), project=topology.title)
    with process.client() as client:
        client.config_set(PRIORITY, 50)

    assert left_overridden(tmp_path, topology, place.server) == ()


def test_a_server_that_does_not_answer_keeps_no_change_from_being_made(process: Process, tmp_path: Path) -> None:
    place = deployment(process)
    topology = place.observe()
    change(tmp_path, raised(topology), project=topology.title)
    process.end()

    assert left_overridden(tmp_path, topology, place.server) == ()


def test_a_setting_left_overridden_is_no_usual_value() -> None:
    topology = single(server())
    left = Override(topology.servers[0], "min-replicas-to-write", "1", "0")

    assert override(topology.servers[0], "min-replicas-to-write", "0", "0", (left,)).usual == "1"
    assert override(topology.servers[0], PRIORITY, "100", "1", (left,)).usual == "100"
    assert as_usual(topology, (left,)).servers[0].setting("min-replicas-to-write") == "1"
