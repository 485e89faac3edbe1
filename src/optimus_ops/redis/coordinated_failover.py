"""The moment of a planned fail-over, so that it loses nothing.

`SENTINEL FAILOVER` alone promotes a replica while the old master goes on taking writes, and leaves the old master in
that state until sentinels notice, ten seconds later. What it acknowledges meanwhile is lost. So here:

1. The moment is chosen. A sentinel learns of a promotion by INFO, which it sends each second during a fail-over, and
   nobody is told of the new master before. When its last INFO is two thirds of a second old, the next one comes right
   after the promotion and not a second later. So the sentinel is told to look at all replicas at once, and then not
   again before it is asked (`SENTINEL DEBUG info-period`); where that can't be told, the moment is waited for.
2. Writes on the old master are held (`CLIENT PAUSE … WRITE`), the offset of its replication stream is noted, and the
   sentinel is asked. When it tells that it has selected a replica, writes are held anew. It promotes the replica some
   100 ms later.
3. When the replica is a master, the old master is turned into its replica. Its clients are disconnected, and find the
   new one.
4. The new master says up to which offset it had followed the old one: what is missing is what was lost.

The pause ends by itself before a sentinel would take the old master for dead: a paused master also holds back the
answers to a sentinel that published its hello.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import reason
from optimus_ops.redis.model import Address
from optimus_ops.redis.observe_sentinel import periods_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from optimus_ops.redis.discovery import Deployment
    from optimus_ops.redis.model import AddressBook, Node

POLL_SECONDS = 0.005
INFO_PERIOD = "info-period"
TOGETHER_MS, TOGETHER_SECONDS = 50, 0.3
"""So often each replica is asked, for so long: each within a turn of the sentinel's timer, 53 to 100 ms."""
APART_MS = 10_000
"""Redis' own default. During a fail-over it is one second, whatever was set."""
MOMENT_SECONDS = 12.0
"""Outside of a fail-over a sentinel sends INFO every ten seconds, unless it was told to do it more often."""
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
class FailoverRoles:
    """Who does what in a fail-over.

    Args:
        sentinel: the one that is asked.
        old: the master.
        replicas: those of which one will be chosen.
        addresses: which addresses mean the same.
        master: the name by which sentinels know the master.
        down_after: seconds after which a sentinel takes the master for dead.
    """

    sentinel: Node
    old: Node
    replicas: tuple[Node, ...]
    addresses: AddressBook
    master: str
    down_after: float


@dataclass(frozen=True, slots=True)
class FailoverResult:
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


def coordinated_failover(
    place: Deployment, parts: FailoverRoles, *, patience: float = MOMENT_SECONDS
) -> FailoverResult:
    """Have a sentinel promote a replica and turn the old master into its replica.

    Args:
        place: where they are.
        parts: who does what.
        patience: seconds to wait for the best moment.

    Raises:
        OpsError: the sentinel refuses, gives up, or promotes none in time.
        RedisError: somebody does not answer.
    """
    clients = {node: place.server(node) for node in (parts.old, *parts.replicas)}
    old = clients[parts.old]
    held = WritePause(old, min(parts.down_after * HELD_OF_DOWN_AFTER, LONGEST_HOLD))
    try:
        for client in clients.values():
            client.ping()
        with place.sentinel(parts.sentinel) as asked, asked.pubsub() as events:
            events.psubscribe("+selected-slave", "-failover-abort*")
            with _looking_together(asked):
                _await_moment(asked, parts.master, patience)
                held.hold()
                began = time.monotonic()
                _ask(asked, parts)
                chosen = _selected(events, began + PROMOTION_SECONDS)
        held.hold()
        new = _promoted(clients, parts, chosen, began + PROMOTION_SECONDS)
        seconds = time.monotonic() - began
        last = _demote(old, chosen)
        return FailoverResult(chosen, seconds, held.seconds_held(), held.lost(last, _shared(new)))
    finally:
        held.release()
        for client in clients.values():
            client.close()


@dataclass
class WritePause:
    """Writes on a master, held for a while; what it took before is known by its offset.

    Args:
        client: of the master.
        seconds: for which each call holds them; then they go on by themselves.
    """

    client: Any
    seconds: float
    began: float = 0.0
    until: float = 0.0
    offset: int | None = None

    def hold(self) -> None:
        """Hold writes, or hold them for longer."""
        try:
            self.client.execute_command("CLIENT", "PAUSE", int(self.seconds * 1000), "WRITE")
        except ResponseError:
            # Before Redis 6.2, or without the right: what is lost is told all the same.
            return
        now = time.monotonic()
        self.began, self.until = self.began or now, now + self.seconds
        self.offset = int(self.client.info("replication")["master_repl_offset"])

    def release(self) -> None:
        """Let writes go on, if they are still held."""
        if self.began:
            with contextlib.suppress(RedisError):
                self.client.execute_command("CLIENT", "UNPAUSE")

    def seconds_held(self) -> float:
        """Return for how long writes have been held until now."""
        return min(time.monotonic(), self.until) - self.began if self.began else 0.0

    def lost(self, last: int, shared: int) -> int:
        """Return how many bytes of the old master's stream the new one lacks.

        Args:
            last: where the old master's stream ended.
            shared: up to where the new master has it.
        """
        # While writes are held, only the master's own PINGs are added, which are no loss.
        took = last if self.offset is None or time.monotonic() > self.until else self.offset
        return max(took - shared, 0)


@contextlib.contextmanager
def _looking_together(client: Any) -> Iterator[None]:
    """Have the sentinel ask all replicas for INFO at the same time, and then leave them alone for a while.

    It asks each at its own time, and prefers the one of whose stream it has heard last: with half a second between
    two replicas, the one that it would choose now is never the one whose answer is old enough.
    """
    try:
        before = periods_of(client)[INFO_PERIOD]
        client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, TOGETHER_MS)
    except (ResponseError, KeyError):
        # Before Redis 7, or without the right.
        yield
        return
    try:
        time.sleep(TOGETHER_SECONDS)
        client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, APART_MS)
        yield
    finally:
        with contextlib.suppress(RedisError):
            client.execute_command("SENTINEL", "DEBUG", INFO_PERIOD, before)


def _await_moment(client: Any, master: str, patience: float) -> None:
    """Wait until the sentinel's next INFO will find the replica promoted; go on without, if that takes too long."""
    until = time.monotonic() + patience
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


def _ask(client: Any, parts: FailoverRoles) -> None:
    try:
        client.execute_command("SENTINEL", "FAILOVER", parts.master)
    except ResponseError as error:
        hints = {"INPROG": "one is under way: wait for its end", "NOGOODSLAVE": "invoke validate-redis says why"}
        text = reason(error)
        raise OpsError(f"{parts.sentinel.name} refused: {text}", hints.get(text.split()[0])) from error


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


def _promoted(clients: Mapping[Node, Any], parts: FailoverRoles, chosen: Address, until: float) -> Any:
    """Wait until the replica that was selected is a master; return its client."""
    node = next((one for one in parts.replicas if parts.addresses.same(one.address, chosen)), None)
    if node is None:
        raise OpsError(f"{parts.sentinel.name} selected {chosen}, which is none of the servers that were looked at")
    while not _is_master(clients[node]):
        if time.monotonic() > until:
            raise OpsError(f"{node.name} was selected and is no master after {PROMOTION_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    return clients[node]


def _shared(new: Any) -> int:
    """Return up to where a promoted replica has its old master's stream; the byte after that is its own first one."""
    return int(new.info("replication")["second_repl_offset"]) - 1


def _is_master(client: Any) -> bool:
    try:
        return bool(client.execute_command("ROLE")[0] == "master")
    except RedisConnectionError:
        # With the promotion, Sentinel disconnects the replica's clients.
        return False


def _demote(old: Any, chosen: Address) -> int:
    """Make a server a replica, keep that, and have its clients look for the new master.

    Sentinel would end all connections, its own and those of other sentinels included. Here they stay: a sentinel
    reconnects to its master at most once a second, and one that had to do so now would be without a link to the new
    master for longer than down-after, take it for dead, and begin another fail-over.

    Returns:
        the offset at which its own stream ended.
    """
    with old.pipeline(transaction=True) as sent:
        sent.info("replication")
        sent.execute_command("REPLICAOF", chosen.host, chosen.port)
        sent.execute_command("CONFIG", "REWRITE")
        answers = sent.execute(raise_on_error=False)
    if failure := next((one for one in answers[:2] if isinstance(one, RedisError)), None):
        raise failure
    own = int(old.client_id())
    others = [one for kind in ("normal", "pubsub") for one in old.client_list(_type=kind)]
    for one in others:
        if int(one["id"]) != own and not str(one.get("name", "")).startswith(SENTINELS):
            old.client_kill_filter(_id=one["id"])
    return int(answers[0]["master_repl_offset"])
