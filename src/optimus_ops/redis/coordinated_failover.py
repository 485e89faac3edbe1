"""Coordinated failover without data loss.

`SENTINEL FAILOVER` alone promotes a replica while the old master goes on taking writes, and leaves the old master in
that state until sentinels notice, ten seconds later. What it acknowledges meanwhile is lost. So here:

1. The time is chosen. A sentinel learns of a promotion by INFO, which it sends each second during a failover, and
   publishes the new master only then. When its last INFO is two thirds of a second old, the next one comes right
   after the promotion and not a second later. So the sentinel is told to ask all replicas at once, and then not
   again before it is asked (`SENTINEL DEBUG info-period`); where that can't be set, the time is waited for.
2. Writes on the old master are paused (`CLIENT PAUSE … WRITE`), the offset of its replication stream is noted, and the
   failover is requested. When the sentinel has selected a replica, the pause is renewed. The promotion follows some
   100 ms later.
3. When the replica is a master, the old master is turned into its replica. Its clients are disconnected, and find the
   new one.
4. The new master reports up to which offset it had followed the old one: what is missing is what was lost.

The pause ends by itself before a sentinel would take the old master for dead: a paused master also holds back the
answers to a sentinel that published its hello.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import reason
from optimus_ops.redis.discovery import Deployment
from optimus_ops.redis.error_causes import code_of
from optimus_ops.redis.info_alignment import ALIGNMENT_SECONDS, aligned_info, await_alignment
from optimus_ops.redis.nodes import Address, AddressBook, Node
from optimus_ops.system.wait import wait_until

POLL_SECONDS = 0.005
PROMOTION_SECONDS = 15.0
PAUSE_OF_DOWN_AFTER = 0.8
LONGEST_PAUSE = 5.0
ABORTED = "-failover-abort"
SENTINEL_CONNECTIONS = "sentinel-"
"""Prefix of the names that sentinels give their connections."""
REFUSALS = {"INPROG": "one is under way: wait for its end", "NOGOODSLAVE": "invoke validate-redis says why"}


@dataclass(frozen=True, slots=True)
class FailoverRoles:
    """Nodes that take part in a failover."""

    sentinel: Node  # the one that is asked
    old: Node  # the master
    replicas: tuple[Node, ...]
    addresses: AddressBook
    master: str  # the name by which sentinels know the master
    down_after: float  # seconds after which a sentinel takes the master for dead


@dataclass(frozen=True, slots=True)
class FailoverResult:
    """Outcome of a failover."""

    address: Address  # of the new master, as sentinels name it
    seconds: float  # from the request to the promotion
    held: float  # seconds for which writes were paused
    lost_bytes: int  # of the old master's replication stream that the new one lacks


def coordinated_failover(
    deployment: Deployment, roles: FailoverRoles, *, patience: float = ALIGNMENT_SECONDS
) -> FailoverResult:
    """Have a sentinel promote a replica, and turn the old master into its replica; `patience` in seconds."""
    clients = {node: deployment.server(node) for node in (roles.old, *roles.replicas)}
    old = clients[roles.old]
    pause = WritePause(old, min(roles.down_after * PAUSE_OF_DOWN_AFTER, LONGEST_PAUSE))
    try:
        for client in clients.values():
            client.ping()
        with deployment.sentinel(roles.sentinel) as asked, asked.pubsub() as events:
            events.psubscribe("+selected-slave", f"{ABORTED}*")
            with aligned_info(asked):
                await_alignment(asked, roles.master, patience)
                pause.hold()
                began = time.monotonic()
                _request(asked, roles)
                chosen = _selected(events, began + PROMOTION_SECONDS)
        pause.hold()
        new = _promoted(clients, roles, chosen, began + PROMOTION_SECONDS)
        seconds = time.monotonic() - began
        last = StreamEnd.of(_demote(old, chosen))
        # The byte after the shared part of the stream is the new master's own first one.
        shared = int(new.info("replication")["second_repl_offset"]) - 1
        return FailoverResult(chosen, seconds, pause.seconds_held(), pause.lost(last, shared))
    finally:
        pause.release()
        for client in clients.values():
            client.close()


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Where a master's replication stream ended, and which changes of data are in it."""

    offset: int
    changes: tuple[int, int]
    """Since its last RDB file, and when that was written: what sentinels publish is in the stream, but no change."""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Self:
        """Read it off an INFO."""
        changes = int(info["rdb_changes_since_last_save"]), int(info["rdb_last_save_time"])
        return cls(int(info["master_repl_offset"]), changes)


@dataclass
class WritePause:
    """A pause of writes on a master; what it took before is known by where its stream ended."""

    client: Any
    seconds: float  # after which each pause ends by itself
    began: float = 0.0
    until: float = 0.0
    end: StreamEnd | None = None

    def hold(self) -> None:
        """Pause writes, or renew the pause."""
        try:
            self.client.execute_command("CLIENT", "PAUSE", int(self.seconds * 1000), "WRITE")
        except ResponseError:
            # Before Redis 6.2, or without permission: what is lost is reported all the same.
            return
        now = time.monotonic()
        self.began, self.until = self.began or now, now + self.seconds
        self.end = StreamEnd.of(self.client.info())

    def release(self) -> None:
        """End the pause."""
        if self.began:
            with contextlib.suppress(RedisError):
                self.client.execute_command("CLIENT", "UNPAUSE")

    def seconds_held(self) -> float:
        """Return for how long writes have been paused until now."""
        return min(time.monotonic(), self.until) - self.began if self.began else 0.0

    def lost(self, last: StreamEnd, shared: int) -> int:
        """Return how many bytes of the old master's stream, which ends at `last`, lie after the `shared` part."""
        # What is added without a change, during the pause or after its end, are PINGs and messages: no loss.
        lapsed = time.monotonic() > self.until
        took = last if self.end is None or (lapsed and last.changes != self.end.changes) else self.end
        return max(took.offset - shared, 0)


def _request(client: Any, roles: FailoverRoles) -> None:
    try:
        client.execute_command("SENTINEL", "FAILOVER", roles.master)
    except ResponseError as error:
        raise OpsError(f"{roles.sentinel.name} refused: {reason(error)}", REFUSALS.get(code_of(error))) from error


def _selected(events: Any, until: float) -> Address:
    """Wait until the sentinel has selected a replica."""
    while time.monotonic() < until:
        message = events.get_message(ignore_subscribe_messages=True, timeout=0.2)
        if message is None:
            continue
        if str(message["channel"]).startswith(ABORTED):
            raise OpsError(f"the sentinel gave up: {message['channel']} {message['data']}")
        # slave NAME IP PORT @ MASTER IP PORT
        words = str(message["data"]).split()
        return Address(words[2], int(words[3]))
    raise OpsError(f"the sentinel selected no replica within {PROMOTION_SECONDS:.0f} s")


def _promoted(clients: Mapping[Node, Any], roles: FailoverRoles, chosen: Address, until: float) -> Any:
    """Wait until the selected replica is a master; return its client."""
    node = next((node for node in roles.replicas if roles.addresses.same(node.address, chosen)), None)
    if node is None:
        raise OpsError(f"{roles.sentinel.name} selected {chosen}, which is none of the servers that were observed")
    client = clients[node]

    def is_master() -> bool:
        try:
            return bool(client.execute_command("ROLE")[0] == "master")
        except RedisConnectionError:
            # With the promotion, the sentinel disconnects the replica's clients.
            return False

    if not wait_until(is_master, until - time.monotonic(), poll=POLL_SECONDS):
        raise OpsError(f"{node.name} was selected and is no master after {PROMOTION_SECONDS:.0f} s")
    return client


def _demote(old: Any, chosen: Address) -> Mapping[str, Any]:
    """Make a server a replica, keep that, and disconnect its clients, so that they look for the new master.

    A sentinel would end all connections, its own and those of other sentinels included. Here they stay: a sentinel
    reconnects to its master at most once a second, and one that had to do so now would be without a link to the new
    master for longer than down-after, take it for dead, and begin another failover.

    Returns:
        its INFO as its own stream ended.
    """
    with old.pipeline(transaction=True) as sent:
        sent.info()
        sent.execute_command("REPLICAOF", chosen.host, chosen.port)
        sent.execute_command("CONFIG", "REWRITE")
        answers = sent.execute(raise_on_error=False)
    if failure := next((answer for answer in answers[:2] if isinstance(answer, RedisError)), None):
        raise failure
    own = int(old.client_id())
    for client in (client for kind in ("normal", "pubsub") for client in old.client_list(_type=kind)):
        if int(client["id"]) != own and not str(client.get("name", "")).startswith(SENTINEL_CONNECTIONS):
            old.client_kill_filter(_id=client["id"])
    info: Mapping[str, Any] = answers[0]
    return info
