"""Writers on a real server: what they say is what the server has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.redis.loopback import HOST, Loopback, Process

from optimus_ops.redis.client import Credentials
from optimus_ops.redis.drill.durability_check import DurabilityCheck
from optimus_ops.redis.drill.group import Group, RedisNode
from optimus_ops.redis.drill.record import Write
from optimus_ops.redis.drill.recorder import Recorder
from optimus_ops.redis.drill.writers import PLAIN, STREAM, WAITING, WriteLoad

LOADS = (WriteLoad(PLAIN, 2, 50), WriteLoad(STREAM, 1, 50), WriteLoad(WAITING, 1, 50))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Loopback]:
    made = Loopback(tmp_path)
    yield made
    made.end()


def node(server: Process) -> RedisNode:
    return RedisNode("one", "", HOST, server.port, Credentials())


def group(server: Process) -> Group:
    return Group("test", {"one": node(server)}, {}, "8.0", "mymaster", 0.5, (0.5,), 6.0, None)


def check(server: Process) -> DurabilityCheck:
    return DurabilityCheck(node(server), "run", [load.kind for load in LOADS], ())


def written(server: Process, *, enough: int = 3) -> tuple[Write, ...]:
    """Write until there is enough of each kind."""
    with Recorder(group(server), "run", "one", LOADS, ()) as recorder:
        done = recorder.wait(
            lambda: all(sum(write.kind == load.kind.name for write in recorder.writes) >= enough for load in LOADS),
            30.0,
        )
    assert done
    return tuple(recorder.writes)


def test_every_acknowledged_write_is_there_and_has_an_id_of_its_own(servers: Loopback) -> None:
    server = servers.server()

    writes = written(server)

    present = check(server).count(writes)
    assert len({write.id for write in writes}) == len(writes)
    assert {present[write.id] for write in writes if write.acknowledged} == {1}
    assert {write.kind for write in writes if write.acknowledged} == {"plain", "stream"}


def test_without_a_replica_no_write_that_waits_for_one_is_acknowledged(servers: Loopback) -> None:
    writes = written(servers.server())

    # On a busy machine one may find no connection in time: it was not sent.
    sent = [write for write in writes if write.kind == "wait" and write.outcome != "rejected"]
    assert {(write.outcome, write.error) for write in sent} == {("indeterminate", "WAIT 0")}


def test_what_a_server_refuses_is_rejected(servers: Loopback) -> None:
    server = servers.server("min-replicas-to-write", "1")

    with Recorder(group(server), "run", "one", (WriteLoad(PLAIN, 1, 50),), ()) as recorder:
        assert recorder.wait(lambda: len(recorder.writes) >= 3, 30.0)

    assert {(write.outcome, write.error) for write in recorder.writes} == {("rejected", "NOREPLICAS")}


def test_what_was_written_is_cleared_away(servers: Loopback) -> None:
    server = servers.server()
    writes = written(server)

    check(server).clear(writes)

    assert set(check(server).count(writes).values()) == {0}
    with server.client() as client:
        assert client.dbsize() == 0


def test_a_server_that_is_gone_takes_nothing(servers: Loopback) -> None:
    server = servers.server()
    with Recorder(group(server), "run", "one", (WriteLoad(PLAIN, 1, 50),), ()) as recorder:
        assert recorder.wait(lambda: len(recorder.writes) >= 3, 30.0)
        server.end()
        ended = time.monotonic()
        assert recorder.wait(lambda: recorder.writes[-1].outcome == "rejected", 30.0)

    # The first of them may have been sent before its writer knew.
    assert not any(write.acknowledged for write in recorder.writes if write.began > ended)
