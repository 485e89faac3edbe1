"""Servers and sentinels are told apart by who they are, and not by the text of an address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.redis.loopback import HOST, MASTER, Loopback, until
from tests.unit.redis.samples import SENTINELS, group, master, peer, replica, sentinel, server, watch

from optimus_ops.checks.model import Check
from optimus_ops.redis.check_rules import RESET
from optimus_ops.redis.checks import refuse_unhealthy, run_checks
from optimus_ops.redis.client import NO_CREDENTIALS
from optimus_ops.redis.discovery import SentinelDeployment
from optimus_ops.redis.failover import plan_failover
from optimus_ops.redis.identity import distinct, identify, mentioned, resolve
from optimus_ops.redis.model import Attached, Replication, Server, Topology
from optimus_ops.redis.nodes import Address
from optimus_ops.redis.sentinel import Peer, Sentinel

STREAM = "f00d" * 10
INSIDE = {f"redis-{n}": Address(f"172.17.0.1{n}", 6379) for n in range(1, 4)}


def failed(topology: Topology) -> list[Check]:
    return [check for check in run_checks(topology) if check.verdict == "failed"]


def known(servers: tuple[Server, ...], sentinels: tuple[Sentinel, ...], **resolved: str) -> Topology:
    hosts = {host: frozenset({ip}) for host, ip in resolved.items()}
    return replace(group(servers, sentinels), addresses=identify(servers, sentinels, {}, hosts))


def reached_from_outside(*, run_ids: bool) -> tuple[tuple[Server, ...], tuple[Sentinel, ...]]:
    """A group that knows itself by addresses inside a network, as it is looked at through mapped ports."""
    attached = tuple(Attached(INSIDE[name], online=True, behind=0, lag=0) for name in ("redis-2", "redis-3"))
    servers = [
        master(replication={"replicas": attached, "history": STREAM}),
        *(
            replica(name, replication={"master": INSIDE["redis-1"], "history": STREAM})
            for name in ("redis-2", "redis-3")
        ),
    ]
    for number, one in enumerate(servers, start=1):
        node = replace(one.node, address=Address("203.0.113.1", 7000 + number))
        info: dict[str, Any] = {**one.info, "tcp_port": 6379, **({"run_id": f"run-{number}"} if run_ids else {})}  # type: ignore[dict-item]
        servers[number - 1] = replace(one, node=node, info=info)
    peers = [Peer(INSIDE[f"redis-{n}"], f"run-{n}", frozenset({"slave"})) for n in range(1, 4)]
    sentinels = [sentinel(name, master=peers[0], replicas=tuple(peers[1:])) for name in list(SENTINELS)[:3]]
    at = [
        replace(one, node=replace(one.node, address=Address("203.0.113.1", 7100 + n)))
        for n, one in enumerate(sentinels)
    ]
    return tuple(servers), tuple(at)


def test_a_group_behind_nat_is_told_by_run_ids() -> None:
    topology = known(*reached_from_outside(run_ids=True))
    assert not failed(topology)
    refuse_unhealthy(topology, "mend it")
    assert plan_failover(topology, str(INSIDE["redis-2"])).steps
    assert topology.addresses.same(INSIDE["redis-3"], Address("203.0.113.1", 7003))


def test_who_follows_a_master_is_told_by_its_stream_where_run_ids_are_not() -> None:
    servers, _sentinels = reached_from_outside(run_ids=False)
    assert "replication" not in {check.name for check in failed(known(servers, group().sentinels))}
    own = servers[2].replication
    assert isinstance(own, Replication)
    lonely = replace(servers[2], replication=replace(own, history="beef" * 10, master=Address("172.17.0.99", 6379)))
    [check] = [one for one in failed(known((*servers[:2], lonely), group().sentinels)) if one.subject == "redis-3"]
    assert "REPLICAOF" in check.hint


def test_host_names_are_resolved() -> None:
    names = {f"redis-{n}": f"10.0.0.1{n}" for n in range(1, 4)}
    own = {"master": Address("redis-1", 6379)}
    servers = (master(), replica("redis-2", replication=own), replica("redis-3", replication=own))
    watching = tuple(sentinel(name, master=peer(Address("redis-1", 6379), "master")) for name in list(SENTINELS)[:3])
    assert not failed(known(servers, watching, **names))
    assert failed(known(servers, watching))


def test_names_that_nobody_knows_resolve_to_nothing() -> None:
    def look_up(name: str) -> list[str]:
        if name == "broken":
            raise UnicodeError
        return ["10.0.0.1"] if name == "known" else []

    assert resolve(["known", "unknown", "broken", "10.0.0.2", "::1", "/run/sock"], look_up) == {
        "known": frozenset({"10.0.0.1"})
    }


def test_one_server_under_two_addresses_counts_once() -> None:
    twin = replace(replica("redis-3"), info={"run_id": "run-2"})
    servers = distinct((master(), replica("redis-2", info={"run_id": "run-2"}), twin))
    assert [one.node.name for one in servers] == ["redis-1", "redis-2"]
    assert servers[1].other_addresses == (twin.node.address,)
    watching = tuple(map(sentinel, list(SENTINELS)[:3]))
    checks = failed(known(servers, watching))
    assert {check.name for check in checks} == {"known replicas", "min-replicas"}
    [twice, *_others] = [check for check in checks if check.name == "known replicas"]
    assert "twice" in twice.found
    assert f"{RESET} {MASTER}" in twice.hint


def test_one_sentinel_under_two_addresses_counts_once_and_twins_do_not() -> None:
    one = sentinel("sentinel-1", run_id="run-1")
    again = sentinel("sentinel-2", run_id="run-1", identity=one.identity)
    twin = sentinel("sentinel-3", run_id="run-3", identity=one.identity)
    assert distinct((one, again)) == (replace(one, other_addresses=(again.node.address,)),)
    assert distinct((one, twin)) == (one, twin)


def test_what_is_gone_is_named_with_the_way_out() -> None:
    gone = Sentinel(replace(sentinel("sentinel-4").node, listed=MASTER), unreachable_reason="nobody listens there")
    watching = tuple(sentinel(name, count=4) for name in list(SENTINELS)[:3])
    found = {check.name: check.hint for check in failed(group(sentinels=(*watching, gone)))}
    assert RESET in found["ping"]
    assert "sentinel-4 is gone for good" in found["number"]
    lost = replace(
        server("redis-3", unreachable_reason="nobody listens there"),
        node=replace(server("redis-3").node, listed=MASTER),
    )
    hints = [check.hint for check in failed(group((master(replicas=("redis-2",)), replica("redis-2"), lost)))]
    assert sum(RESET in hint for hint in hints) >= 2


@pytest.mark.parametrize("address", [Address("10.0.0.12", 6379), Address("localhost", 6379), Address("other", 6379)])
def test_a_replica_that_follows_itself_is_told_so(address: Address) -> None:
    own = {"master": address, "link_up": False}
    looped = replica("redis-2", replication=own, info={"tcp_port": 6379})
    servers = (master(replicas=("redis-3",)), looped, replica("redis-3"))
    topology = known(servers, group().sentinels, other="10.0.0.12")
    [check] = [one for one in failed(topology) if (one.subject, one.name) == ("redis-2", "replication")]
    assert "follows itself" in check.hint
    assert "REPLICAOF 10.0.0.11 6379" in check.hint


def test_every_address_that_somebody_uses_is_looked_at() -> None:
    servers = (replace(master(), other_addresses=(Address("also", 1),)), replica("redis-2", of="redis-1"))
    watching = (sentinel(monitored=watch("sentinel-1", master=peer(Address("named", 2)))),)
    assert {"also", "named", "10.0.0.11", "10.0.0.21", "10.0.0.22"} <= {
        one.host for one in mentioned(servers, watching)
    }


def test_a_group_with_names_and_second_addresses_is_healthy(redis: Loopback) -> None:
    both = ("bind", f"{HOST} 127.0.0.2", "min-replicas-to-write", "1", "min-replicas-max-lag", "2")
    first = redis.server(*both)
    replicas = [
        redis.server("replicaof", f"localhost {first.port}", *both),
        redis.server("replicaof", f"127.0.0.2 {first.port}", "replica-announce-ip", "127.0.0.2", *both),
    ]
    watching = [redis.sentinel(first) for _ in range(3)]
    place = SentinelDeployment(
        (Address("localhost", watching[0].port), Address(HOST, watching[0].port)), MASTER, NO_CREDENTIALS
    )

    def healthy() -> bool:
        topology = place.observe()
        assert len(topology.servers) <= 3
        return len(topology.servers) == len(topology.sentinels) == 3 and not failed(topology)

    until(healthy)
    assert plan_failover(place.observe(), f"127.0.0.2:{replicas[1].port}").steps


def test_a_real_server_that_follows_itself_is_a_finding(redis: Loopback) -> None:
    one = redis.server()
    watching = redis.sentinel(one, quorum=1)
    with one.client() as client:
        client.execute_command("REPLICAOF", "localhost", one.port)
    topology = SentinelDeployment((Address(HOST, watching.port),), MASTER, NO_CREDENTIALS).observe()
    assert any("follows itself" in check.hint for check in failed(topology))
