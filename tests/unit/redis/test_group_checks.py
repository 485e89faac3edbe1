"""What is said of servers that replicate, and of their sentinels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.redis.samples import (
    ADDRESSES,
    MASTER,
    SENTINELS,
    group,
    master,
    peer,
    replica,
    sentinel,
    server,
    watch,
)

from optimus_ops.redis.check_rules import conclude
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.model import Attached, Topology
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.sentinel_checks import tolerance

DENIED = NotPermitted("the user has no right to ask")


def failed(topology: Topology) -> set[tuple[str, str]]:
    return {(check.subject, check.name) for check in run_checks(topology) if check.verdict == "failed"}


def verdict_of(topology: Topology, subject: str, name: str) -> str:
    [found] = [check for check in run_checks(topology) if (check.subject, check.name) == (subject, name)]
    return found.verdict


def with_replica(**changes: Any) -> Topology:
    return group((master(), replica("redis-2", **changes), replica("redis-3")))


def with_sentinel(**changes: Any) -> Topology:
    return group(sentinels=(sentinel(**changes), sentinel("sentinel-2"), sentinel("sentinel-3")))


def test_a_healthy_group_is_ok() -> None:
    assert {check.verdict for check in run_checks(group())} == {"ok"}


def test_a_single_server_needs_no_replica_and_no_sentinel() -> None:
    checks = run_checks(Topology("shop", (server(config={"min-replicas-to-write": "0"}),)))
    assert {check.verdict for check in checks} == {"ok"}
    assert not {"one master", "min-replicas", "config file"} & {check.name for check in checks}


def test_two_masters_are_a_failure() -> None:
    found = failed(group((master(replicas=("redis-3",)), master("redis-2", ()), replica("redis-3"))))
    assert ("replication", "one master") in found


def test_no_master_is_a_failure() -> None:
    topology = group((replica("redis-1", of="redis-2"), replica("redis-2", of="redis-3"), replica("redis-3")))
    assert ("replication", "one master") in failed(topology)


def test_a_group_whose_roles_nobody_may_see_is_not_said_to_have_no_master() -> None:
    hidden: dict[str, Any] = {"info": DENIED, "replication": DENIED}
    topology = group(tuple(server(name, **hidden) for name in ADDRESSES))
    assert not any(subject == "replication" for subject, _name in failed(topology))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"link_up": False}, "failed"),
        ({"read_only": False}, "failed"),
        ({"master": ADDRESSES["redis-3"]}, "failed"),
        ({"syncing": True, "link_up": False}, "warning"),
        ({"silent": 60}, "warning"),
        ({"priority": 0}, "warning"),
        ({"silent": None, "read_only": None, "priority": None}, "ok"),
    ],
)
def test_a_replica(changes: dict[str, Any], verdict: str) -> None:
    assert verdict_of(with_replica(replication=changes), "redis-2", "replication") == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"online": False}, "warning"),
        ({"lag": 11}, "failed"),
        ({"lag": 4}, "warning"),
        ({"behind": 5 * 1024**2}, "warning"),
        ({"lag": None}, "ok"),
    ],
)
def test_a_replica_as_its_master_sees_it(changes: dict[str, Any], verdict: str) -> None:
    seen: dict[str, Any] = {"address": ADDRESSES["redis-2"], "online": True, "behind": 0, "lag": 0, **changes}
    other = Attached(ADDRESSES["redis-3"], online=True, behind=0, lag=0)
    topology = group(
        (master(replication={"replicas": (Attached(**seen), other)}), replica("redis-2"), replica("redis-3"))
    )
    assert verdict_of(topology, "redis-1", "replication") == verdict


def test_a_replica_that_is_not_attached_is_named() -> None:
    topology = group((master(replicas=("redis-2",)), replica("redis-2"), replica("redis-3")))
    [check] = [one for one in run_checks(topology) if (one.subject, one.name) == ("redis-1", "replication")]
    assert check.verdict == "failed"
    assert "redis-3" in check.hint


def test_replicas_that_may_never_be_promoted_are_no_redundancy() -> None:
    never = {"priority": 0}
    topology = group((master(), replica("redis-2", replication=never), replica("redis-3", replication=never)))
    assert ("replication", "redundancy") in failed(topology)


@pytest.mark.parametrize(("offset", "keys"), [(7, 3), (5, 9)])
def test_where_nobody_may_be_promoted_the_one_with_the_most_data_is_named_with_the_command(
    offset: int, keys: int
) -> None:
    never = {"priority": 0, "link_up": False}
    less = replica("redis-2", replication={**never, "offset": 5})
    most = replica("redis-3", replication={**never, "offset": offset}, keys=keys)
    topology = group((server("redis-1", unreachable_reason="connection refused"), less, most))
    [check] = [one for one in run_checks(topology) if one.name == "redundancy"]
    assert check.verdict == "failed"
    assert "CONFIG SET replica-priority 100 at redis-3" in check.hint


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        ({"min-replicas-to-write": "0"}, "warning"),
        ({"min-replicas-max-lag": "0"}, "warning"),
        ({"min-replicas-to-write": "2"}, "failed"),
        ({"min-replicas-max-lag": "30"}, "warning"),
        ({}, "ok"),
    ],
)
def test_min_replicas_bound_what_is_lost_and_survive_one_loss(config: dict[str, str], verdict: str) -> None:
    assert verdict_of(group((master(config=config), *group().servers[1:])), "redis-1", "min-replicas") == verdict


def test_a_master_that_refuses_writes_now_fails() -> None:
    lonely = master(replicas=(), replication={"replicas": (), "good_replicas": 0})
    assert verdict_of(group((lonely, *group().servers[1:])), "redis-1", "min-replicas") == "failed"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"info": {"config_file": ""}}, "failed"),
        ({"rewritten": "ERR Rewriting config file: Device or resource busy"}, "failed"),
        ({"rewritten": ""}, "ok"),
        ({"rewritten": DENIED}, "not allowed"),
        ({}, "ok"),
    ],
)
def test_a_server_must_be_able_to_write_its_role_down(changes: dict[str, Any], verdict: str) -> None:
    assert verdict_of(with_replica(**changes), "redis-2", "config file") == verdict


def test_caches_beside_a_group_are_no_members_of_it() -> None:
    cache = server("redis-cache", "cache", info={"maxmemory_policy": "allkeys-lru", "aof_enabled": 0})
    assert not failed(group((*group().servers, cache)))


@given(count=st.integers(1, 9), quorum=st.integers(1, 9))
def test_the_number_of_sentinels_is_refused_exactly_where_one_loss_stops_fail_overs_or_halves_can_tie(
    count: int, quorum: int
) -> None:
    survives_one_loss = count - 1 >= max(count // 2 + 1, quorum)
    [check] = conclude("sentinels", "number", tolerance(count, quorum))
    assert (check.verdict == "failed") == (not survives_one_loss or count % 2 == 0)
    assert bool(check.hint) == (check.verdict != "ok")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"no_quorum": "NOQUORUM 1 usable Sentinels"}, "CKQUORUM"),
        ({"tilt": True}, "tilt"),
        ({"config_file": ""}, "config file"),
        ({"master": peer(ADDRESSES["redis-1"], "master", "s_down")}, "master"),
        ({"master": peer(ADDRESSES["redis-2"], "master")}, "master"),
        ({"master": peer(Address("10.9.9.9", 6379), "master")}, "master"),
        ({"monitored": None}, "master"),
        ({"replicas": (peer(ADDRESSES["redis-2"]),)}, "known replicas"),
        ({"sentinels": ()}, "known sentinels"),
    ],
)
def test_a_sentinel_that_would_not_act_fails(changes: dict[str, Any], name: str) -> None:
    assert ("sentinel-1", name) in failed(with_sentinel(**changes))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"no_quorum": DENIED}, "CKQUORUM"),
        ({"tilt": None}, "tilt"),
        ({"monitored": DENIED}, "master"),
        ({"config_file": None}, "config file"),
    ],
)
def test_what_a_sentinel_may_not_be_asked_is_not_a_failure(changes: dict[str, Any], name: str) -> None:
    topology = with_sentinel(**changes)
    assert verdict_of(topology, "sentinel-1", name) == "not allowed"
    assert not failed(topology)


def test_a_fail_over_under_way_is_to_be_waited_for() -> None:
    topology = with_sentinel(master=peer(ADDRESSES["redis-1"], "master", "failover_in_progress"))
    assert verdict_of(topology, "sentinel-1", "master") == "warning"


@pytest.mark.parametrize("kind", ["replicas", "sentinels"])
def test_stale_entries_are_named(kind: str) -> None:
    gone = peer(Address("10.0.0.99", 7000), "s_down")
    entries = (*getattr(watch("sentinel-1"), kind), gone)
    [check] = [one for one in run_checks(with_sentinel(**{kind: entries})) if one.verdict == "failed"]
    assert check.name == f"known {kind}"
    assert "10.0.0.99:7000" in check.found
    assert f"SENTINEL RESET {MASTER}" in check.hint


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"replicas": (), "uptime": 5}, "warning"),
        ({"replicas": (), "uptime": 300}, "failed"),
        ({"replicas": (), "uptime": None}, "failed"),
        ({"replicas": (peer(Address("10.0.0.99", 7000)),), "uptime": 5}, "failed"),
    ],
)
def test_a_sentinel_that_was_just_started_may_still_be_learning(changes: dict[str, Any], verdict: str) -> None:
    assert verdict_of(with_sentinel(**changes), "sentinel-1", "known replicas") == verdict


def test_a_known_replica_that_a_sentinel_can_not_reach_is_named() -> None:
    entries = (peer(ADDRESSES["redis-2"], "slave", "s_down"), peer(ADDRESSES["redis-3"]))
    [check] = [one for one in run_checks(with_sentinel(replicas=entries)) if one.verdict == "failed"]
    assert "redis-2" in check.found


@pytest.mark.parametrize(
    "changes",
    [{"master": peer(ADDRESSES["redis-2"], "master")}, {"epoch": 9}, {"quorum": 3}, {"identity": "id-10.0.0.22"}],
)
def test_sentinels_that_differ_about_the_master_fail(changes: dict[str, Any]) -> None:
    assert ("sentinels", "agreement") in failed(with_sentinel(**changes))


@pytest.mark.parametrize(("period", "verdict"), [(1000, "warning"), (400, "ok"), (None, "ok")])
def test_links_must_be_renewed_before_a_new_master_is_taken_for_dead(period: int | None, verdict: str) -> None:
    assert verdict_of(with_sentinel(ping_period=period), "sentinels", "settings") == verdict


@pytest.mark.parametrize("changes", [{"down_after": 1_001}, {"failover_timeout": 1}])
def test_settings_that_differ_are_worth_a_look(changes: dict[str, Any]) -> None:
    assert verdict_of(with_sentinel(**changes), "sentinels", "settings") == "warning"


def test_sentinels_may_see_a_master_as_down_one_after_the_other() -> None:
    assert verdict_of(with_sentinel(down_after=750), "sentinels", "settings") == "ok"


def test_a_silent_sentinel_is_a_failure_and_counts_as_one_of_them() -> None:
    topology = with_sentinel(unreachable_reason="connection refused", monitored=None)
    assert failed(topology) == {("sentinel-1", "ping")}
    assert verdict_of(topology, "sentinels", "number") == "ok"


@pytest.mark.parametrize("count", [2, 4])
def test_even_numbers_of_sentinels_fail_with_the_reason(count: int) -> None:
    names = list(SENTINELS)[:count]
    topology = group(sentinels=tuple(sentinel(name, count=count) for name in names))
    assert failed(topology) == {("sentinels", "number")}
    [check] = [one for one in run_checks(topology) if one.verdict == "failed"]
    assert check.hint
