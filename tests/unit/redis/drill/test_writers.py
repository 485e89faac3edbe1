"""Writers on a real server: what they say is what the server has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.redis.loopback import HOST, Loopback, Process

from optimus_ops.redis.client import Credentials
from optimus_ops.redis.drill.durability_check import Places, clear, count_present
from optimus_ops.redis.drill.nodes import Group, Peer
from optimus_ops.redis.drill.record import Write
from optimus_ops.redis.drill.recorder import Tape
from optimus_ops.redis.drill.writers import PLAIN, STREAM, WAITING, Pace

PACES = (Pace(PLAIN, 2, 50), Pace(STREAM, 1, 50), Pace(WAITING, 1, 50))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Loopback]:
    made = Loopback(tmp_path)
    yield made
    made.end()


def peer(server: Process) -> Peer:
    return Peer("one", "", HOST, server.port, Credentials())


def group(server: Process) -> Group:
    return Group("test", {"one": peer(server)}, {}, "8.0", "mymaster", 0.5, (0.5,), 6.0, None)


def written(server: Process, *, enough: int = 3) -> tuple[Write, ...]:
    """Write until there is enough of each kind."""
    with Tape(group(server), "run", "one", PACES, ()) as tape:
        done = tape.wait(
            lambda: all(sum(one.kind == pace.kind.name for one in tape.writes) >= enough for pace in PACES), 30.0
        )
    assert done
    return tuple(tape.writes)


def test_every_acknowledged_write_is_there_and_has_an_id_of_its_own(servers: Loopback) -> None:
    server = servers.server()

    writes = written(server)

    present = count_present(peer(server), Places("run", frozenset({"stream"}), {}), writes)
    assert len({one.id for one in writes}) == len(writes)
    assert {present[one.id] for one in writes if one.acknowledged} == {1}
    assert {one.kind for one in writes if one.acknowledged} == {"plain", "stream"}


def test_without_a_replica_no_write_that_waits_for_one_is_acknowledged(servers: Loopback) -> None:
    writes = written(servers.server())

    assert {(one.outcome, one.error) for one in writes if one.kind == "wait"} == {("indeterminate", "WAIT 0")}


def test_what_a_server_refuses_is_rejected(servers: Loopback) -> None:
    server = servers.server("min-replicas-to-write", "1")

    with Tape(group(server), "run", "one", (Pace(PLAIN, 1, 50),), ()) as tape:
        assert tape.wait(lambda: len(tape.writes) >= 3, 30.0)

    assert {(one.outcome, one.error) for one in tape.writes} == {("rejected", "NOREPLICAS")}


def test_what_was_written_is_cleared_away(servers: Loopback) -> None:
    server = servers.server()
    places = Places("run", frozenset({"stream"}), {})
    writes = written(server)

    clear(peer(server), places, writes)

    assert set(count_present(peer(server), places, writes).values()) == {0}
    with server.client() as client:
        assert client.dbsize() == 0


def test_a_server_that_is_gone_takes_nothing(servers: Loopback) -> None:
    server = servers.server()
    with Tape(group(server), "run", "one", (Pace(PLAIN, 1, 50),), ()) as tape:
        assert tape.wait(lambda: len(tape.writes) >= 3, 30.0)
        server.end()
        ended = time.monotonic()
        assert tape.wait(lambda: tape.writes[-1].outcome == "rejected", 30.0)

    # The first of them may have been sent before its writer knew.
    assert not any(one.acknowledged for one in tape.writes if one.began > ended)
