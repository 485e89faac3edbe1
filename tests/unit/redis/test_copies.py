"""Replicas that copy without end, and replicas that are empty: told by what changes between two looks."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import RedisError
from tests.unit.redis.loopback import HOST, MASTER, Loopback, until
from tests.unit.redis.samples import ADDRESSES, CONFIG, group, master, replica, server, single

from optimus_ops.checks.model import Check
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.client import NO_CREDENTIALS
from optimus_ops.redis.discovery import SentinelDeployment
from optimus_ops.redis.model import Attached, Topology
from optimus_ops.redis.nodes import Address
from optimus_ops.redis.resample import resample

HOUR = {"uptime_in_seconds": 3600}
BUFFER, BACKLOG, LINK = "client-output-buffer-limit", "repl-backlog-size", "repl-timeout"


def check_of(topology: Topology, name: str, subject: str = "redis-1") -> Check:
    [found] = [check for check in run_checks(topology) if (check.subject, check.name) == (subject, name)]
    return found


def looked_at(
    info: dict[str, Any], later: dict[str, Any] | None = None, *, online: bool = True, **config: str
) -> Topology:
    first = {**HOUR, "sync_full": 2, "sync_partial_err": 0, "server_time_usec": 0, **info}
    copying = tuple(Attached(ADDRESSES[name], online=online, behind=0, lag=0) for name in ("redis-2", "redis-3"))
    settings = {name.replace("_", "-"): value for name, value in config.items()}
    seen = master(info=first, config=settings, replication={"replicas": copying})
    return group((replace(seen, second_info={**first, "server_time_usec": 4e6, **(later or {})}), *group().servers[1:]))


@pytest.mark.parametrize(
    ("info", "later", "online", "verdict"),
    [
        ({}, {}, True, "ok"),
        ({"sync_full": 0}, {"sync_full": 2}, False, "ok"),
        ({"sync_full": 7}, {"sync_full": 9}, False, "failed"),
        ({"sync_full": 161}, {"sync_full": 162}, False, "failed"),
        ({"sync_full": 161}, {}, False, "failed"),
        ({"sync_full": 161}, {}, True, "warning"),
        ({"sync_full": 8, "uptime_in_seconds": 86400}, {"sync_full": 9}, False, "ok"),
    ],
)
def test_copies_without_end_are_told_from_a_start(
    info: dict[str, Any], later: dict[str, Any], online: bool, verdict: str
) -> None:
    assert check_of(looked_at(info, {**info, **later}, online=online), "full copies").verdict == verdict


@pytest.mark.parametrize(
    ("later", "config", "cause"),
    [
        ({"client_output_buffer_limit_disconnections": 3}, {}, BUFFER),
        ({"sync_partial_err": 3}, {"repl_backlog_size": "16384"}, BACKLOG),
        ({}, {"client_output_buffer_limit": "normal 0 0 0 slave 1048576 0 0 pubsub 0 0 0"}, BUFFER),
        ({}, {}, LINK),
    ],
)
def test_the_cause_of_endless_copies_is_named(later: dict[str, Any], config: dict[str, str], cause: str) -> None:
    topology = looked_at({"sync_full": 161}, {"sync_full": 164, **later}, online=False, **config)
    check = check_of(topology, "full copies")
    assert "3 more within 4 s" in check.found
    assert cause in check.hint


@pytest.mark.parametrize(("size", "verdict"), [("16384", "warning"), ("1048576", "ok")])
def test_a_small_backlog_is_worth_a_look(size: str, verdict: str) -> None:
    assert check_of(looked_at({}, repl_backlog_size=size), "backlog").verdict == verdict


def test_a_server_without_replicas_has_no_copies() -> None:
    names = {check.name for check in run_checks(single(server(info={"sync_full": 0}, config=CONFIG)))}
    assert not names & {"full copies", "backlog"}


@pytest.mark.parametrize(
    ("keys", "all_of_them", "verdict"),
    [(0, 3, "failed"), (100, 1000, "failed"), (990, 1000, "ok"), (2, 5, "ok"), (0, 0, "ok")],
)
def test_an_empty_replica_is_no_redundancy(keys: int, all_of_them: int, verdict: str) -> None:
    empty = tuple(replica(name, keys=keys) for name in ("redis-2", "redis-3"))
    topology = group((master(keys=all_of_them), *empty))
    assert check_of(topology, "redundancy", "replication").verdict == verdict
    assert check_of(topology, "replication", "redis-2").verdict == verdict


def test_a_replica_that_has_caught_up_by_the_second_look_is_one() -> None:
    later = {"db0": {"keys": 3}}
    topology = group(
        (master(keys=3, second_info=later), replica("redis-2", keys=0, second_info=later), replica("redis-3"))
    )
    assert check_of(topology, "redundancy", "replication").found == "redis-2, redis-3 can take over"


def test_one_that_has_the_data_is_enough() -> None:
    topology = group((master(keys=3), replica("redis-2", keys=0), replica("redis-3")))
    assert (
        check_of(topology, "redundancy", "replication").found
        == "redis-3 can take over; redis-2 can't: without the data"
    )


def test_a_counter_that_restarted_has_not_grown() -> None:
    assert replace(server(info={"sync_full": 9}), second_info={"sync_full": 1}).increase("sync_full") == 0
    assert server(info={"sync_full": 9}).increase("sync_full") == 0


def test_real_copies_without_end_are_seen_with_their_cause(redis: Loopback) -> None:
    small = (
        "client-output-buffer-limit",
        "replica 64kb 64kb 1",
        "repl-backlog-size",
        "16kb",
        "rdb-key-save-delay",
        "300",
    )
    one = redis.server("repl-diskless-sync", "no", *small)
    with one.client() as client:
        for number in range(2000):
            client.set(f"key:{number}", "x" * 100)
    over = threading.Event()

    def write() -> None:
        with one.client() as client:
            while not over.wait(0.002):
                try:
                    client.set("hot", "y" * 20_000)
                except RedisError:
                    return

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    follower = redis.replica(one)
    watching = redis.sentinel(one, quorum=1)
    try:
        with one.client() as client, watching.client() as asked:
            until(lambda: client.info("stats")["sync_full"] > 3 and asked.sentinel_slaves(MASTER))
        place = SentinelDeployment((Address(HOST, watching.port),), MASTER, NO_CREDENTIALS)
        topology = resample(place.observe(), place.server)
    finally:
        over.set()
        writer.join(10)
    check = check_of(topology, "full copies", one.endpoint)
    assert check.verdict == "failed"
    assert BUFFER in check.hint
    redundancy = check_of(topology, "redundancy", "replication")
    assert redundancy.verdict == "failed"
    assert follower.endpoint in redundancy.found


@pytest.mark.parametrize(
    ("counter", "name"),
    [("aof_delayed_fsync", "persistence"), ("client_query_buffer_limit_disconnections", "clients")],
)
def test_what_goes_wrong_while_we_look_is_told(counter: str, name: str) -> None:
    quiet = replace(server(info={counter: 5}), second_info={counter: 5})
    assert check_of(single(quiet), name).verdict == "ok"
    busy = check_of(single(replace(quiet, second_info={counter: 6})), name)
    assert busy.verdict == "warning"
    assert busy.hint
