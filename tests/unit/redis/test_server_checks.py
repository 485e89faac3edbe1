"""What is said of one server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.redis.samples import NOW, server, single

from optimus_ops.checks.model import Check
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.model import LatencyEvent, Probe, Server, SlowCommand, SlowLog
from optimus_ops.redis.nodes import NotPermitted, Purpose

GIB = 1024**3
DENIED = NotPermitted("the user has no right to ask")


def check_of(one: Server, name: str) -> Check:
    [found] = [check for check in run_checks(single(one)) if check.name == name]
    return found


def test_a_healthy_server_has_nothing_to_look_at() -> None:
    checks = run_checks(single(server()))
    assert {check.verdict for check in checks} == {"ok"}
    assert not any(check.hint for check in checks)


@pytest.mark.parametrize("silence", ["connection refused", "it wants a password", "no answer within 2 s"])
def test_a_silent_server_is_one_failure_that_says_why(silence: str) -> None:
    [check] = run_checks(single(server(unreachable_reason=silence)))
    assert (check.name, check.verdict) == ("ping", "failed")
    assert silence in check.found
    assert check.hint


@pytest.mark.parametrize(
    ("purpose", "policy", "verdict"),
    [
        ("state", "noeviction", "ok"),
        ("state", "allkeys-lru", "failed"),
        ("state", "volatile-ttl", "failed"),
        ("cache", "allkeys-lru", "ok"),
        ("cache", "allkeys-lfu", "ok"),
        ("cache", "noeviction", "failed"),
        ("cache", "volatile-lru", "warning"),
        ("unknown", "noeviction", "ok"),
        ("unknown", "allkeys-lru", "warning"),
    ],
)
def test_the_policy_is_judged_against_what_the_server_is_for(purpose: Purpose, policy: str, verdict: str) -> None:
    assert check_of(server(purpose=purpose, info={"maxmemory_policy": policy}), "policy").verdict == verdict


@pytest.mark.parametrize(
    ("purpose", "policy", "verdict"),
    [
        ("state", "noeviction", "failed"),
        ("state", "allkeys-lru", "failed"),
        ("unknown", "noeviction", "failed"),
        ("unknown", "allkeys-lru", "ok"),
        ("cache", "allkeys-lru", "ok"),
    ],
)
def test_evictions_are_a_failure_where_nothing_may_be_evicted(purpose: Purpose, policy: str, verdict: str) -> None:
    one = server(purpose=purpose, info={"evicted_keys": 7, "maxmemory_policy": policy})
    assert check_of(one, "evictions").verdict == verdict


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"used_memory": int(0.97 * GIB)}, "failed"),
        ({"used_memory": int(0.85 * GIB)}, "warning"),
        ({"used_memory": int(0.5 * GIB)}, "ok"),
        ({"maxmemory": 0}, "warning"),
        ({"mem_fragmentation_ratio": 2.0, "mem_fragmentation_bytes": GIB}, "warning"),
        ({"mem_fragmentation_ratio": 19.0, "mem_fragmentation_bytes": 13 * 1024**2}, "ok"),
        ({"used_memory": int(0.5 * GIB), "mem_fragmentation_ratio": 0.5}, "warning"),
    ],
)
def test_memory(info: dict[str, Any], verdict: str) -> None:
    assert check_of(server(info={"maxmemory": GIB, **info}), "memory").verdict == verdict


def test_a_full_cache_is_as_it_should_be() -> None:
    full = {"used_memory": GIB, "maxmemory": GIB, "maxmemory_policy": "allkeys-lru"}
    assert check_of(server(purpose="cache", info=full), "memory").verdict == "ok"


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        ({"connected_clients": 9_600}, "failed"),
        ({"connected_clients": 8_100}, "warning"),
        ({"rejected_connections": 1}, "warning"),
        ({"blocked_clients": 50}, "ok"),
        ({"maxclients": 0}, "ok"),
    ],
)
def test_clients(info: dict[str, Any], verdict: str) -> None:
    assert check_of(server(info=info), "clients").verdict == verdict


@pytest.mark.parametrize(
    ("purpose", "info", "config", "verdict"),
    [
        ("state", {"aof_enabled": 0}, {}, "failed"),
        ("unknown", {"aof_enabled": 0}, {}, "warning"),
        ("cache", {"aof_enabled": 0}, {}, "ok"),
        ("state", {"aof_last_write_status": "err"}, {}, "failed"),
        ("state", {"aof_last_bgrewrite_status": "err"}, {}, "failed"),
        ("state", {"rdb_last_bgsave_status": "err"}, {}, "failed"),
        ("state", {"loading": 1}, {}, "failed"),
        ("state", {}, {"appendfsync": "no"}, "warning"),
        ("state", {}, {"appendfsync": "always"}, "ok"),
    ],
)
def test_persistence(purpose: Purpose, info: dict[str, Any], config: dict[str, str], verdict: str) -> None:
    assert check_of(server(purpose=purpose, info=info, config=config), "persistence").verdict == verdict


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (LatencyEvent("fork", NOW - 60, 700, 700, 1), "warning"),
        (LatencyEvent("fork", NOW - 60, 120, 9000, 4), "ok"),
        (LatencyEvent("fork", NOW - 7200, 700, 700, 1), "ok"),
    ],
)
def test_a_long_stall_within_the_last_hour_is_worth_a_look(event: LatencyEvent, verdict: str) -> None:
    assert check_of(server(events=(event,)), "latency").verdict == verdict


@pytest.mark.parametrize(
    ("name", "config"),
    [("latency", {"latency-monitor-threshold": "0"}), ("slow log", {"slowlog-log-slower-than": "-1"})],
)
def test_a_record_that_is_switched_off_is_worth_a_look(name: str, config: dict[str, str]) -> None:
    check = check_of(server(config=config), name)
    assert check.verdict == "warning"
    assert "CONFIG SET" in check.hint


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (SlowCommand("KEYS", NOW - 60, 250.0), "warning"),
        (SlowCommand("CONFIG", NOW - 60, 11.0), "ok"),
        (SlowCommand("KEYS", NOW - 7200, 250.0), "ok"),
    ],
)
def test_slow_commands(entry: SlowCommand, verdict: str) -> None:
    check = check_of(server(slow=SlowLog(12, (entry,))), "slow log")
    assert check.verdict == verdict
    assert check.figures["entries"] == 12


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"probe": Probe(100, 1.0, 250.0)}, "round trip"), ({"ping": 150.0}, "ping")],
)
def test_a_long_way_to_the_server_is_worth_a_look(changes: dict[str, Any], name: str) -> None:
    assert check_of(server(**changes), name).verdict == "warning"


def test_a_server_that_stopped_answering_while_it_was_probed_fails() -> None:
    assert check_of(server(probe=None), "round trip").verdict == "failed"


def test_what_may_not_be_asked_is_not_a_failure() -> None:
    guarded: dict[str, Any] = dict.fromkeys(("info", "config", "replication", "keys", "events", "slow"), DENIED)
    checks = run_checks(single(server(**guarded)))
    verdicts = {check.name: check.verdict for check in checks}
    assert "failed" not in verdicts.values()
    assert {name for name, verdict in verdicts.items() if verdict == "ok"} == {"ping", "round trip"}
    assert all(check.hint for check in checks if check.verdict == "not allowed")


def test_keys_are_counted_by_database() -> None:
    check = check_of(server(info={"db3": {"keys": 2, "expires": 2}}, keys=5), "keys")
    assert check.figures == {"keys": 5, "db0": 3, "db3": 2}
