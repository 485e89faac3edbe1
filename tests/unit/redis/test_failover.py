"""`invoke redis.failover`: what is planned, what is refused, and that nothing is lost."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError
from tests.unit.redis.loopback import MASTER, Group, Loopback, until
from tests.unit.redis.samples import ADDRESSES, group, master, peer, replica, sentinel, server, single

from optimus_ops.change.executor import execute
from optimus_ops.change.journal import Journal
from optimus_ops.change.subscribers import ConsoleSubscriber, JournalSubscriber, fan_out
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.render import plan_text
from optimus_ops.redis.checks import refuse_unhealthy
from optimus_ops.redis.client import Credentials
from optimus_ops.redis.coordinated_failover import StreamEnd, WritePause
from optimus_ops.redis.discovery import SentinelDeployment
from optimus_ops.redis.failover import plan_failover
from optimus_ops.redis.failover_executor import FailoverExecutor, missing_after, priority_overrides
from optimus_ops.redis.info_alignment import likely_choice
from optimus_ops.redis.model import Topology
from optimus_ops.redis.steps import CoordinatedFailover
from optimus_ops.redis.target import parse_endpoint
from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Console, Progress

PASSWORD = "word-canary"


def test_the_plan_of_a_fail_over() -> None:
    assert plan_text(plan_failover(group())) == (
        "shop: redis.failover\n"
        "   1. fail over from redis-1 (SENTINEL FAILOVER mymaster)  (redis-1 is the master)\n"
        "   2. verify that a replica is the master, redis-1 follows it, and writes are taken\n"
        "      (an answer of one sentinel is no proof)"
    )


def test_a_wanted_server_is_preferred_and_forgotten_again() -> None:
    kinds = [step.kind for step in plan_failover(group(), "redis-3").steps]
    assert kinds == ["redis-prefer", "redis-hand-over", "redis-verify-failover", "redis-forget-preference"]


@pytest.mark.parametrize("name", ["redis-1", "10.0.0.11", "10.0.0.11:6379"])
def test_there_is_nothing_to_do_where_the_wanted_server_is_the_master(name: str) -> None:
    assert not plan_failover(group(), name)


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(Refused, match="no sentinels"):
        plan_failover(single(server()))
    with pytest.raises(Refused, match="none of the servers"):
        plan_failover(group(), "redis-9")
    with pytest.raises(Refused, match="2 masters"):
        plan_failover(group((master(), master("redis-2", ()), replica("redis-3"))))
    silent = group((master(), replica("redis-2", unreachable_reason="connection refused"), replica("redis-3")))
    with pytest.raises(Refused, match="does not answer"):
        plan_failover(silent, "redis-2")


def test_an_unhealthy_group_is_refused_and_a_bad_cache_beside_it_is_not() -> None:
    cache = server("redis-cache", "cache", info={"maxmemory_policy": "noeviction"})
    beside = group((*group().servers, cache))
    refuse_unhealthy(beside, "mend it")
    broken = group((master(), replica("redis-2", replication={"link_up": False}), replica("redis-3")))
    with pytest.raises(Refused, match="redis-2 replication"):
        refuse_unhealthy(broken, "mend it")


def test_a_fail_over_is_over_when_all_say_so() -> None:
    after = (
        replica("redis-1", of="redis-2"),
        master("redis-2", ("redis-1", "redis-3")),
        replica("redis-3", of="redis-2"),
    )
    new = peer(ADDRESSES["redis-2"], "master")
    agreed = tuple(sentinel(f"sentinel-{n}", master=new) for n in range(1, 4))
    assert missing_after(group(after, agreed), "redis-1", "") == ""
    assert missing_after(group(after, agreed), "redis-1", "redis-3")
    assert "sentinel-3" in missing_after(group(after, (*agreed[:2], sentinel("sentinel-3"))), "redis-1", "")
    assert "redis-3" in missing_after(group((*after[:2], replica("redis-3")), agreed), "redis-1", "")
    assert missing_after(group(), "redis-1", "")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.text("ab", min_size=1, max_size=3))))
def test_the_likely_choice_is_the_lowest_priority_then_the_freshest(rows: list[tuple[int, int, str]]) -> None:
    entries: list[dict[str, Any]] = [
        {"slave-priority": priority, "slave-repl-offset": offset, "runid": identity, "flags": "slave"}
        for priority, offset, identity in rows
    ]
    best = likely_choice(
        [*entries, {"slave-priority": 1, "slave-repl-offset": 9, "runid": "", "flags": "slave,s_down"}]
    )
    able = [row for row in rows if row[0] > 0]
    assert (best is None) == (not able)
    if best is not None:
        chosen = (best["slave-priority"], -best["slave-repl-offset"], best["runid"])
        assert chosen == min((priority, -offset, identity) for priority, offset, identity in able)


class Writer(threading.Thread):
    """Writes to whomever a sentinel names, and remembers what was acknowledged."""

    def __init__(self, made: Group) -> None:
        super().__init__(daemon=True)
        self.made = made
        self.acknowledged: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        client: Redis | None = None
        for number in range(10_000_000):
            if self.over.is_set():
                return
            try:
                client = client or master_client(self.made)
                client.set(f"write:{number}", "1")
                self.acknowledged.append(f"write:{number}")
            except RedisError:
                client = None


def master_client(made: Group) -> Redis:
    with made.sentinels[0].client() as asked:
        _host, port = asked.sentinel_get_master_addr_by_name(MASTER)
    return next(one for one in made.servers if one.port == int(port)).client()


def carry_out(made: Group, folder: Path, to: str = "") -> tuple[FailoverExecutor, str]:
    place = SentinelDeployment(tuple(map(parse_endpoint, made.endpoints)), MASTER, Credentials("", Secret(PASSWORD)))
    topology = place.observe()
    plan = plan_failover(topology, to)
    actor = FailoverExecutor(place, overrides=priority_overrides(plan, topology, ()), patience=0.0)
    said = io.StringIO()
    subscribers = ConsoleSubscriber(Console.for_stream(said)), JournalSubscriber(Journal.begin(folder, plan))
    execute(plan, actor, fan_out(*subscribers))
    return actor, said.getvalue()


def test_a_planned_fail_over_loses_no_acknowledged_write(redis: Loopback, tmp_path: Path) -> None:
    made = redis.group(password=PASSWORD)
    writer = Writer(made)
    writer.start()
    actor, said = carry_out(made, tmp_path / "journal")
    writer.over.set()
    writer.join(30)
    old = made.servers[0]
    with master_client(made) as client, old.client() as demoted:
        kept = {str(key) for key in client.scan_iter("write:*", count=1000)}
        assert demoted.role()[0] == "slave"
    assert writer.acknowledged
    assert set(writer.acknowledged) <= kept
    assert actor.facts["lost_bytes"] == 0
    assert actor.facts["master"] != old.endpoint
    assert "a replica has it" in said


def test_what_sentinels_publish_after_the_pause_is_no_loss_and_a_write_is(redis: Loopback) -> None:
    old = redis.server()
    redis.replica(old)
    with old.client() as client:
        until(lambda: client.info("replication").get("slave0", {}).get("state") == "online")
        # The end of a save starts the count of changes anew.
        until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
        client.set("kept", "1")
        pause = WritePause(client, 0.001)
        pause.hold()
        assert pause.end is not None
        shared = pause.end.offset
        until(lambda: time.monotonic() > pause.until)
        client.publish("__sentinel__:hello", "127.0.0.1,26379,mymaster")
        told = StreamEnd.of(client.info())
        assert told.offset > shared
        assert pause.lost(told, shared) == 0
        client.set("lost", "1")
        wrote = StreamEnd.of(client.info())
        assert pause.lost(wrote, shared) == wrote.offset - shared


def test_a_wanted_replica_is_promoted_and_its_priority_put_back(redis: Loopback, tmp_path: Path) -> None:
    # Sentinels look again only after ten seconds: they have seen it at the start.
    made = redis.group(priorities=(100, 1), password=PASSWORD)
    wanted = made.servers[2]
    actor, _said = carry_out(made, tmp_path / "journal", wanted.endpoint)
    assert actor.facts["master"] == wanted.endpoint
    with wanted.client() as client:
        assert client.role()[0] == "master"
        assert client.config_get("replica-priority") == {"replica-priority": "1"}


def test_a_sentinel_that_refuses_is_a_failure_and_the_master_stays(redis: Loopback, tmp_path: Path) -> None:
    made = redis.group(priorities=(0,), password=PASSWORD)
    with pytest.raises(OpsError, match="refused") as refused:
        carry_out(made, tmp_path / "journal")
    assert refused.value.hint == "invoke validate-redis says why"
    with made.servers[0].client() as client:
        assert client.role()[0] == "master"


def test_an_answer_of_another_form_is_a_failure_of_that_step() -> None:
    class Odd(SentinelDeployment):
        def observe(self, **_how: Any) -> Topology:
            raise KeyError("slave-priority")

    step = CoordinatedFailover(server="redis-1", master=MASTER, cause=Cause(""))
    with pytest.raises(OpsError, match="another form"):
        FailoverExecutor(Odd((), MASTER, Credentials())).carry_out(step, Progress("handing over"))
