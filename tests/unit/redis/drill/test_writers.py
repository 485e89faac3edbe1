"""Writers on a real server: what they say is what the server has."""

from __future__ import annotations

import time
from collections import Counter
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


def answered(write: Write) -> bool:
    """Tell whether the server answered: on a busy machine it may not in time, and no connection may be had."""
    return write.acknowledged or write.error == "WAIT 0"


def written(server: Process, *, enough: int = 3) -> tuple[Write, ...]:
    """Write until enough of each kind are answered."""
    with Recorder(group(server), "run", "one", LOADS, ()) as recorder:
        kinds = {load.kind.name for load in LOADS}

        def done() -> bool:
            found = Counter(write.kind for write in recorder.writes if answered(write))
            return all(found[kind] >= enough for kind in kinds)

        assert recorder.wait(done, 30.0)
    return tuple(recorder.writes)


def test_every_acknowledged_write_is_there_and_has_an_id_of_its_own(servers: Loopback) -> None:
    server = servers.server()

    writes = written(server)

    present = check(server).count(writes)
    assert len({write.id for write in writes}) == len(writes)
    assert {present[write.id] for write in writes if write.acknowledged} == {1}
    assert {write.kind for write in writes if write.acknowledged} == {"plain", "stream"}


def test_without_a_replica_no_write_that_waits_for_one_is_acknowledged(servers: Loopback) -> None:
    waiting = [write for write in written(servers.server()) if write.kind == "wait"]

    assert not any(write.acknowledged for write in waiting)
    assert {write.outcome for write in waiting if answered(write)} == {"indeterminate"}


def test_a_write_that_is_not_answered_in_time_may_have_been_done(servers: Loopback) -> None:
    server = servers.server()
    with Recorder(group(server), "run", "one", (WriteLoad(PLAIN, 1, 50), WriteLoad(WAITING, 1, 50)), ()) as recorder:
        both = {"plain", "wait"}
        assert recorder.wait(lambda: {write.kind for write in recorder.writes if answered(write)} == both, 30.0)
        server.freeze()
        assert recorder.wait(lambda: {write.kind for write in timed_out(recorder)} == both, 30.0)
        server.thaw()

    assert {write.outcome for write in timed_out(recorder)} == {"indeterminate"}


def timed_out(recorder: Recorder) -> list[Write]:
    return [write for write in recorder.writes if write.error == "timeout"]


def test_what_a_server_refuses_is_rejected(servers: Loopback) -> None:
    server = servers.server("min-replicas-to-write", "1")

    with Recorder(group(server), "run", "one", (WriteLoad(PLAIN, 1, 50),), ()) as recorder:
        assert recorder.wait(lambda: any(write.error == "NOREPLICAS" for write in recorder.writes), 30.0)

    assert not any(write.acknowledged for write in recorder.writes)
    assert {write.outcome for write in recorder.writes if write.error == "NOREPLICAS"} == {"rejected"}


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
