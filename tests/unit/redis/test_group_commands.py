"""`redis.drill`, `redis.failover` and `redis.restore` on a real group of servers and sentinels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.redis.loopback import MASTER, until
from tests.unit.redis.process_engine import Container, ProcessEngine, shop

from optimus_ops.change.journal import Journal
from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.step import Plan
from optimus_ops.redis.backup import BackupRequest, backup
from optimus_ops.redis.drill.drill import DrillRequest, drill
from optimus_ops.redis.failover import FailoverRequest, failover
from optimus_ops.redis.restore import RestoreRequest, restore
from optimus_ops.redis.target import Flags

SAFE = ("min-replicas-to-write 1", "min-replicas-max-lag 2", "latency-monitor-threshold 100", "maxmemory 100mb")
SERVERS = ("redis-1", "redis-2", "redis-3")


def start_group(engine: ProcessEngine) -> None:
    """Start a master, two replicas and three sentinels, and wait until all know each other."""
    master = engine.add("redis-1", *SAFE)
    for name in SERVERS[1:]:
        engine.add(name, *SAFE, f"replicaof {master.host} {master.port}")
    watch = (
        f"sentinel monitor {MASTER} {master.host} {master.port} 2",
        f"sentinel down-after-milliseconds {MASTER} 1000",
        f"sentinel failover-timeout {MASTER} 6000",
    )
    for number in range(1, 4):
        engine.add(f"redis-sentinel-{number}", *watch)
    until(lambda: is_whole(engine))


def is_whole(engine: ProcessEngine) -> bool:
    """Tell whether each sentinel knows and reaches all servers and sentinels."""
    for sentinel in (it for it in engine.containers.values() if it.sentinel):
        with sentinel.client() as client:
            replicas, others = client.sentinel_slaves(MASTER), client.sentinel_sentinels(MASTER)
        linked = [it for it in replicas if it["master-link-status"] == "ok"]
        if len(linked) != 2 or len(others) != 2 or any(it["is_disconnected"] for it in [*replicas, *others]):
            return False
    return True


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    with pytest.MonkeyPatch.context() as patch, shop(tmp_path_factory.mktemp("group"), patch) as made:
        start_group(made)
        yield made


@pytest.fixture
def engine(started: ProcessEngine) -> Iterator[ProcessEngine]:
    until(lambda: is_whole(started))
    started.calls.clear()
    yield started
    started.drill = "allowed"


def server(engine: ProcessEngine, role: str) -> Container:
    """Return a server with that role now."""
    for name in SERVERS:
        found = engine.containers[f"id-{name}"]
        with found.client() as client:
            if client.role()[0] == role:
                return found
    raise AssertionError(f"no server is a {role}")


def run_drill(*faults: str, report: str = "") -> None:
    """Drill; on a slow machine an expectation about times may not be met, which is no concern of these tests."""
    with suppress(OpsError):
        drill(DrillRequest.parse(faults, 1, report), ChangeOptions(json=True))


def test_a_drill_reports_what_the_loss_of_the_master_cost_and_leaves_the_group_healthy(
    engine: ProcessEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master = server(engine, "master").service
    run_drill("kill", report=str(tmp_path / "report"))
    found = json.loads(capsys.readouterr().out)
    [fault] = found["faults"]
    assert (fault["fault"], fault["runs"]) == ("kill", 1)
    assert len(fault["outcomes"]) == 1
    assert engine.calls.index(f"kill {master}") < engine.calls.index(f"start {master}")
    assert {container.status for container in engine.containers.values()} == {"running"}
    assert {path.suffix for path in (tmp_path / "report").iterdir()} >= {".html", ".json", ".md"}


def test_a_drill_removes_what_it_wrote(engine: ProcessEngine) -> None:
    run_drill("pause-short")
    with server(engine, "master").client() as client:
        assert not list(client.scan_iter("optimus:drill:*"))


def test_a_drill_first_heals_what_a_killed_one_left_broken(engine: ProcessEngine) -> None:
    state = Path(os.environ["OPTIMUS_ROOT"]) / ".optimus"
    before = {"drill": {"root": False, "nodes": {}}}
    journal = Journal.begin(state / "journal", Plan("shop", "redis.drill"), before=before, command=())
    os.close(journal.descriptor)
    engine.kill("id-redis-sentinel-3")
    engine.pause("id-redis-sentinel-2")
    run_drill("planned")
    assert {container.status for container in engine.containers.values()} == {"running"}
    assert {"start redis-sentinel-3", "unpause redis-sentinel-2"} <= set(engine.calls)


def test_a_group_that_is_not_marked_is_not_drilled(engine: ProcessEngine) -> None:
    engine.drill = ""
    with pytest.raises(Refused, match="not marked"):
        drill(DrillRequest.parse(["kill"], 1, ""), ChangeOptions())
    assert not engine.calls


def test_the_plan_of_a_drill_changes_and_reports_nothing(
    engine: ProcessEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    drill(DrillRequest.parse(["kill", "pause-short"], 2, ""), ChangeOptions(plan=True))
    shown = capsys.readouterr().out
    assert "redis.drill" in shown
    assert not engine.calls


def test_a_planned_failover_makes_the_wanted_replica_the_master(engine: ProcessEngine) -> None:
    with server(engine, "master").client() as client:
        client.set("kept", "1")
    wanted = server(engine, "slave")
    failover(FailoverRequest(Flags(), wanted.service), ChangeOptions())
    assert server(engine, "master") is wanted
    with wanted.client() as client:
        assert client.get("kept") == "1"
        assert client.config_get("replica-priority") == {"replica-priority": "100"}


def test_a_restore_of_a_group_replaces_the_data_of_its_replicas_too(engine: ProcessEngine, tmp_path: Path) -> None:
    with server(engine, "master").client() as client:
        client.set("value", "old")
        backup(BackupRequest(str(tmp_path / "backup")), ChangeOptions())
        client.set("value", "new")
    restore(RestoreRequest(str(tmp_path / "backup")), ChangeOptions())
    for name in SERVERS:
        with engine.containers[f"id-{name}"].client() as client:
            assert client.get("value") == "old"
