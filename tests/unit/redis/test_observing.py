"""What is read out of Redis' answers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.redis.loopback import Loopback, until

from optimus_ops.redis.model import Attached
from optimus_ops.redis.nodes import Address, Node, NotPermitted
from optimus_ops.redis.observe_replication import replication_of_info, replication_of_role
from optimus_ops.redis.observe_sentinel import observe_sentinel, peer
from optimus_ops.redis.observe_server import observe_server


def test_a_master_and_its_replicas() -> None:
    info: dict[str, Any] = {
        "role": "master",
        "master_repl_offset": 1000,
        "connected_slaves": 2,
        "slave0": {"ip": "10.0.0.2", "port": 6379, "state": "online", "offset": 990, "lag": 1},
        "slave1": {"ip": "10.0.0.3", "port": 6379, "state": "wait_bgsave", "offset": 0, "lag": -1},
        "min_slaves_good_slaves": 1,
    }
    found = replication_of_info(info)
    assert found.role == "master"
    assert found.good_replicas == 1
    assert found.replicas == (
        Attached(Address("10.0.0.2", 6379), online=True, behind=10, lag=1),
        Attached(Address("10.0.0.3", 6379), online=False, behind=1000, lag=None),
    )


@pytest.mark.parametrize(("status", "up"), [("up", True), ("down", False)])
def test_a_replica_of_info(status: str, up: bool) -> None:
    info = {"role": "slave", "master_host": "h", "master_port": 1, "master_link_status": status, "slave_read_only": 0}
    found = replication_of_info({**info, "master_last_io_seconds_ago": -1, "slave_priority": 0})
    assert (found.role, found.master, found.link_up) == ("replica", Address("h", 1), up)
    assert (found.silent, found.read_only, found.priority) == (None, False, 0)


def test_the_same_of_role() -> None:
    found = replication_of_role(["slave", "h", 1, "connected", 77])
    assert (found.master, found.link_up, found.offset) == (Address("h", 1), True, 77)
    found = replication_of_role(["master", 100, [["h", "2", "90"]]])
    assert found.replicas == (Attached(Address("h", 2), online=True, behind=10, lag=None),)
    with pytest.raises(ValueError, match="sentinel"):
        replication_of_role(["sentinel", ["mymaster"]])


@pytest.mark.parametrize(
    ("flags", "stale"), [("slave", False), ("slave,s_down", True), ("sentinel,disconnected", True)]
)
def test_an_entry_of_a_sentinel(flags: str, stale: bool) -> None:
    assert peer({"ip": "h", "port": 1, "runid": "x", "flags": flags}).stale == stale


def test_the_slow_log_is_kept_without_arguments(redis: Loopback) -> None:
    one = redis.server("slowlog-log-slower-than", "0")
    with one.client() as client:
        client.set("key-canary", "value-canary")
    found = observe_server(Node("one", Address("127.0.0.1", one.port)), one.client)
    assert "canary" not in repr(found)
    assert not isinstance(found.slow, NotPermitted)
    assert "SET" in {entry.command for entry in found.slow.newest}


def test_latency_events_are_counted(redis: Loopback) -> None:
    one = redis.server()
    with one.client() as client:
        client.config_set("latency-monitor-threshold", 1)
        until(lambda: client.execute_command("DEBUG", "SLEEP", "0.02") and client.latency_latest())
    found = observe_server(Node("one", Address("127.0.0.1", one.port)), one.client)
    assert not isinstance(found.events, NotPermitted)
    assert [event.worst >= 20 for event in found.events if event.name == "command"] == [True]


def test_a_server_whose_file_can_not_be_rewritten_says_why(redis: Loopback) -> None:
    one = redis.server()
    node = Node("one", Address("127.0.0.1", one.port))
    assert observe_server(node, one.client).rewritten is None
    assert observe_server(node, one.client, rewrite=True).rewritten == ""
    file = redis.folder / str(one.port) / "redis.conf"
    file.unlink()
    file.mkdir()
    assert observe_server(node, one.client, rewrite=True).rewritten


def test_a_node_that_is_absent_is_not_asked() -> None:
    def never() -> None:
        raise AssertionError

    node = Node("one", Address("127.0.0.1", 1), absence="its container is exited")
    assert observe_server(node, never).unreachable_reason == node.absence
    assert observe_sentinel(node, never, "mymaster").unreachable_reason == node.absence
