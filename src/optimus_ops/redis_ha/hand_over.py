"""The moment of a planned fail-over, so that it loses nothing.

`SENTINEL FAILOVER` alone promotes a replica while the old master goes on taking writes, and leaves the old master in
that state until sentinels notice, ten seconds later. What it acknowledges meanwhile is lost. So here:

1. The moment is chosen. A sentinel learns of a promotion by INFO, which it sends each second during a fail-over, and
   nobody is told of the new master before. When its last INFO is two thirds of a second old, the next one comes right
   after the promotion and not a second later.
2. The sentinel's events are heard. When it has selected a replica, some 100 ms before it promotes it, writes on the old
   master are held (`CLIENT PAUSE … WRITE`), and the offset of its replication stream is noted.
3. When the replica is a master, the old master is turned into its replica. Its clients are disconnected, and find the
   new one.
4. The new master says up to which offset it had followed the old one: what is missing is what was lost.

The pause ends by itself before a sentinel would take the old master for dead: a paused master also holds back the
answers to a sentinel that published its hello.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from optimus_ops.errors import OpsError
from optimus_ops.redis_ha.client import reason
from optimus_ops.redis_ha.facts import Address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimus_ops.redis_ha.facts import Directory, Node
    from optimus_ops.redis_ha.places import Place

POLL_SECONDS = 0.005
MOMENT_SECONDS = 12.0
"""Outside of a fail-over a sentinel sends INFO every ten seconds."""
FRESH_MS, STALE_MS = 600, 680
"""Age of the last INFO at which to ask: the next one, due at 1000 ms, is sent 320 to 400 ms later. By then the replica
is promoted: three turns of the sentinel's timer, of 53 to 100 ms each."""
PROMOTION_SECONDS = 15.0
HELD_OF_DOWN_AFTER = 0.8
LONGEST_HOLD = 5.0
ABORTED = "-failover-abort"
SENTINELS = "sentinel-"
"""What the names begin with that sentinels give their connections."""


@dataclass(frozen=True, slots=True)
class Handed:
    """How it went.

    Args:
        address: of the new master, as sentinels name it.
        seconds: from the request to the promotion.
        held: seconds for which writes were held.
        lost_bytes: of the old master's replication stream that the new one does not have.
    """

    address: Address
    seconds: float
    held: float
    lost_bytes: int


def hand_over(
    place: Place,
    sentinel: Node,
    old: Node,
    replicas: Sequence[Node],
    directory: Directory,
    master: str,
    down_after: float,
) -> Handed:
    """Have a sentinel promote a replica and turn the old master into its replica.

    Args:
        place: where they are.
        sentinel: the one that is asked.
        old: the master.
        replicas: those of which one will be chosen.
        directory: which addresses mean the same.
        master: the name by which sentinels know it.
        down_after: seconds after which a sentinel takes the master for dead.

    Raises:
        OpsError: the sentinel refuses, gives up, or promotes none in time.
        RedisError: somebody does not answer.
    """
    clients = {node: place.server(node) for node in (old, *replicas)}
    try:
        for client in clients.values():
            client.ping()
        with place.sentinel(sentinel) as asked, asked.pubsub() as events:
            events.psubscribe("+selected-slave", "-failover-abort*")
            _await_moment(asked, master)
            began = time.monotonic()
            _ask(asked, sentinel, master)
            chosen = _selected(events, began + PROMOTION_SECONDS)
        node = next((one for one in replicas if directory.same(one.address, chosen)), None)
        if node is None:
            raise OpsError(f"{sentinel.name} selected {chosen}, which is none of the servers that were looked at")
        return _turn(clients[old], clients[node], chosen, began, min(down_after * HELD_OF_DOWN_AFTER, LONGEST_HOLD))
    finally:
        for client in clients.values():
            client.close()


def _await_moment(client: Any, master: str) -> None:
    """Wait until the sentinel's next INFO will find the replica promoted; go on without, if that takes too long."""
    until = time.monotonic() + MOMENT_SECONDS
    while time.monotonic() < until:
        best = likely_choice(client.sentinel_slaves(master))
        if best is None or FRESH_MS <= int(best.get("info-refresh", 0)) <= STALE_MS:
            return
        time.sleep(POLL_SECONDS)


def likely_choice(replicas: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the replica that a sentinel would promote by what it knows; None if there is none.

    Source: sentinelSelectSlave of Redis: the lowest priority above 0, then the highest offset, then the lowest run id.

    Args:
        replicas: the answer of SENTINEL REPLICAS.
    """
    down = {"s_down", "o_down", "disconnected"}
    able = [
        one
        for one in replicas
        if int(one.get("slave-priority", 0)) > 0 and not down & set(str(one.get("flags", "")).split(","))
    ]
    return min(
        able,
        key=lambda one: (int(one["slave-priority"]), -int(one.get("slave-repl-offset", 0)), str(one.get("runid", ""))),
        default=None,
    )


def _ask(client: Any, sentinel: Node, master: str) -> None:
    try:
        client.execute_command("SENTINEL", "FAILOVER", master)
    except ResponseError as error:
        hints = {"INPROG": "one is under way: wait for its end", "NOGOODSLAVE": "invoke validate-redis says why"}
        text = reason(error)
        raise OpsError(f"{sentinel.name} refused: {text}", hints.get(text.split()[0])) from error


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


def _turn(old: Any, new: Any, chosen: Address, began: float, hold: float) -> Handed:
    """Hold writes until the replica is a master, then make the old master its replica."""
    held_at = time.monotonic()
    offset = _hold(old, hold)
    while not _is_master(new):
        if time.monotonic() - began > PROMOTION_SECONDS:
            raise OpsError(f"{chosen} was selected and is no master after {PROMOTION_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    promoted_at = time.monotonic()
    _demote(old, chosen)
    held = min(time.monotonic() - held_at, hold) if offset is not None else 0.0
    # Of a promoted replica, this is the first byte that is its own.
    shared = int(new.info("replication").get("second_repl_offset", 0)) - 1
    lost = max(offset - shared, 0) if offset is not None and shared >= 0 else 0
    return Handed(chosen, promoted_at - began, held, lost)


def _is_master(client: Any) -> bool:
    try:
        return bool(client.execute_command("ROLE")[0] == "master")
    except RedisConnectionError:
        # With the promotion, Sentinel disconnects the replica's clients.
        return False


def _hold(old: Any, seconds: float) -> int | None:
    """Hold writes on a master; return the offset up to which it took some, or None where it can't be done."""
    try:
        old.execute_command("CLIENT", "PAUSE", int(seconds * 1000), "WRITE")
    except ResponseError:
        # Before Redis 6.2, or without the right.
        return None
    return int(old.info("replication")["master_repl_offset"])


def _demote(old: Any, chosen: Address) -> None:
    """Make a server a replica, keep that, and have its clients look for the new master.

    Sentinel would end all connections, its own and those of other sentinels included. Here they stay: a sentinel
    reconnects to its master at most once a second, and one that had to do so now would be without a link to the new
    master for longer than down-after, take it for dead, and begin another fail-over.
    """
    with old.pipeline(transaction=True) as sent:
        sent.execute_command("REPLICAOF", chosen.host, chosen.port)
        sent.execute_command("CONFIG", "REWRITE")
        answers = sent.execute(raise_on_error=False)
    if isinstance(answers[0], RedisError):
        raise answers[0]
    own = int(old.client_id())
    others = [one for kind in ("normal", "pubsub") for one in old.client_list(_type=kind)]
    for one in others:
        if int(one["id"]) != own and not str(one.get("name", "")).startswith(SENTINELS):
            old.client_kill_filter(_id=one["id"])
    old.execute_command("CLIENT", "UNPAUSE")
