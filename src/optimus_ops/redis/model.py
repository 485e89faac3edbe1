"""What was observed of Redis servers and sentinels, as values.

Fields of INFO: https://redis.io/docs/latest/commands/info/ · of Sentinel:
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optimus_ops.redis.address_book import NOTHING_KNOWN, AddressBook

Purpose = Literal["state", "cache", "unknown"]
"""What a server is for: state must never be lost or evicted, a cache may be."""

STALE_FLAGS = frozenset({"s_down", "o_down", "disconnected"})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where something listens: a host and a port, or the path of a Unix socket and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 address in brackets; of a Unix socket its path."""
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """A question that was refused: the user has no right to ask it, or the server does not offer it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Node:
    """A server or sentinel to look at.

    Args:
        name: what people call it: the replica of a stack, else its address.
        address: where it is reached from here.
        purpose: what it is for; sentinels have none.
        absence: why it can't even be asked ("its container is exited"); "" if it can.
        listed: the master's name, where nothing but lists of sentinels tells of it; "" else.
    """

    name: str
    address: Address
    purpose: Purpose = "unknown"
    absence: str = ""
    listed: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A replica as its master sees it.

    Args:
        address: where the master believes it listens.
        online: whether it has the whole data set and follows.
        behind: bytes of the replication stream that it has not acknowledged.
        lag: seconds since it acknowledged anything; None where the master does not say.
    """

    address: Address
    online: bool
    behind: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Replication:
    """A server's part in replication.

    Args:
        master: where its master is; None for a master.
        offset: bytes of the replication stream that it has.
        replicas: those attached to it.
        link_up: whether its link to its master is up; None for a master.
        silent: seconds since it heard from its master; None for a master or where it does not say.
        syncing: whether it is copying the whole data set.
        read_only: whether a replica refuses writes; None where it does not say.
        priority: 0 keeps a replica from ever being promoted; None where it does not say.
        good_replicas: replicas that count for min-replicas-to-write; None where that is off.
        history: id of the replication stream, the same for a master and all that follow it; "" if unknown.
    """

    master: Address | None
    offset: int = 0
    replicas: tuple[Attached, ...] = ()
    link_up: bool | None = None
    silent: int | None = None
    syncing: bool = False
    read_only: bool | None = None
    priority: int | None = None
    good_replicas: int | None = None
    history: str = ""

    @property
    def role(self) -> Literal["master", "replica"]:
        """Return what it is."""
        return "master" if self.master is None else "replica"


@dataclass(frozen=True, slots=True)
class LatencyEvent:
    """A kind of event that took longer than the latency monitor's threshold.

    Args:
        name: the monitor's name for it (`command`, `fork`, `aof-write`).
        at: when it last happened, seconds of the epoch.
        latest: milliseconds that it took then.
        worst: the most milliseconds that it ever took.
        history: how many times it is on record (at most 160).
    """

    name: str
    at: int
    latest: int
    worst: int
    history: int


@dataclass(frozen=True, slots=True)
class SlowCommand:
    """One entry of the slow log; the arguments may be secret and are not kept."""

    command: str
    at: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SlowLog:
    """The slow log: how many entries, and the newest of them."""

    length: int
    newest: tuple[SlowCommand, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Round trips of a number of PINGs, one after the other, in milliseconds."""

    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as one of its nodes sees it.

    Args:
        state: "ok", else in the node's own word.
        slots: of 16384, those that somebody serves.
        lost: nodes that it can't reach, by address.
    """

    state: str
    slots: int
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One Redis server.

    Args:
        node: which.
        unreachable_reason: why it doesn't answer; "" if it does.
        hint: what to do about its silence or refusal.
        refusal: what it answers to PING in place of PONG ("it is loading its data"); "" if it says PONG.
        ping: milliseconds of the first PING.
        info: the answer of INFO.
        replication: its part in replication, of INFO or ROLE.
        config: the settings that are looked at.
        keys: keys in all of its databases.
        events: what the latency monitor has.
        slow: what the slow log has.
        probe: round trips.
        rewritten: whether CONFIG REWRITE worked, "" or why it didn't; None if it was not tried.
        now: the server's own clock, seconds of the epoch; 0 if unknown.
        cluster: what it has on its cluster; None where it is no node of one.
        other_addresses: other addresses at which it was found.
        second_info: what INFO answers some time later; None if it was not asked again.
    """

    node: Node
    unreachable_reason: str = ""
    hint: str = ""
    refusal: str = ""
    ping: float = 0.0
    info: Mapping[str, Any] | NotPermitted = field(default_factory=dict)
    replication: Replication | NotPermitted = NotPermitted("")
    config: Mapping[str, str] | NotPermitted = field(default_factory=dict)
    keys: int | NotPermitted = 0
    events: tuple[LatencyEvent, ...] | NotPermitted = ()
    slow: SlowLog | NotPermitted = SlowLog(0, ())
    probe: Probe | None = None
    rewritten: str | NotPermitted | None = None
    now: int = 0
    cluster: Cluster | NotPermitted | None = None
    other_addresses: tuple[Address, ...] = ()
    second_info: Mapping[str, Any] | NotPermitted | None = None

    @property
    def product(self) -> str:
        """Return what it is: Redis, or a server that says it is another one; "" if unknown."""
        if isinstance(self.info, NotPermitted) or not self.info:
            return ""
        return "Valkey" if "valkey_version" in self.info else str(self.info.get("server_name") or "Redis").capitalize()

    @property
    def version(self) -> str:
        """Return its own version, not the one that it says it is compatible with; "" if unknown."""
        own = self.product.lower() or "redis"
        found = {} if isinstance(self.info, NotPermitted) else self.info
        return str(found.get(f"{own}_version") or found.get("redis_version", ""))

    @property
    def run_id(self) -> str:
        """Return the id that no other server has; it changes at each start. "" if unknown."""
        return "" if isinstance(self.info, NotPermitted) else str(self.info.get("run_id", ""))

    @property
    def role(self) -> str:
        """Return master or replica, "" if unknown."""
        return "" if self.unreachable_reason or isinstance(self.replication, NotPermitted) else self.replication.role

    def follows(self, master: Address, directory: AddressBook) -> bool:
        """Tell whether it is a replica of the server at an address, and its link is up."""
        own = self.replication
        if self.unreachable_reason or isinstance(own, NotPermitted) or own.master is None:
            return False
        return bool(own.link_up) and directory.same(own.master, master)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server or sentinel as a sentinel knows it."""

    address: Address
    run_id: str
    flags: frozenset[str]

    @property
    def stale(self) -> bool:
        """Whether the sentinel can't reach it."""
        return bool(self.flags & STALE_FLAGS)


@dataclass(frozen=True, slots=True)
class MonitoredMaster:
    """What a sentinel has on the master that it was asked about.

    Args:
        master: the master.
        replicas: the replicas that it knows.
        sentinels: the other sentinels that it knows.
        quorum: sentinels that must agree that the master is down.
        epoch: of the configuration; each fail-over has a higher one.
        down_after: milliseconds without an answer after which something counts as down.
        failover_timeout: milliseconds that a fail-over may take.
        parallel_syncs: replicas that are turned to a new master at once.
        no_quorum: why SENTINEL CKQUORUM refused; "" if it did not.
        unlisted: why it didn't list replicas or sentinels; None if it did.
    """

    master: Peer
    replicas: tuple[Peer, ...]
    sentinels: tuple[Peer, ...]
    quorum: int
    epoch: int
    down_after: int
    failover_timeout: int
    parallel_syncs: int
    no_quorum: str | NotPermitted
    unlisted: NotPermitted | None = None


@dataclass(frozen=True, slots=True)
class Sentinel:
    """One sentinel.

    Args:
        node: which.
        unreachable_reason: why it doesn't answer; "" if it does.
        hint: what to do about its silence.
        names: the masters that it watches.
        monitored: what it has on the master in question; None if it doesn't know that name.
        tilt: whether it has stopped acting because its clock or its event loop stalled; None if unknown.
        identity: its own id, which no other sentinel may have; "" if unknown.
        config_file: the file that it keeps its state in; None if unknown.
        rewritten: as for a server: SENTINEL FLUSHCONFIG.
        uptime: seconds since it was started; None if unknown.
        run_id: of the process; "" if unknown.
        other_addresses: other addresses at which it was found.
        ping_period: milliseconds between its PINGs, and the shortest pause before it renews a link; None if unknown
            (SENTINEL DEBUG, since Redis 7).
    """

    node: Node
    unreachable_reason: str = ""
    hint: str = ""
    names: tuple[str, ...] = ()
    monitored: MonitoredMaster | NotPermitted | None = None
    tilt: bool | None = None
    identity: str = ""
    config_file: str | None = None
    rewritten: str | NotPermitted | None = None
    uptime: int | None = None
    run_id: str = ""
    other_addresses: tuple[Address, ...] = ()
    ping_period: int | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that was looked at.

    Args:
        title: what it is called: the stack's name, a URL without its password, or the master's name.
        servers: the Redis servers.
        sentinels: the sentinels; none on a single stack.
        master: the name by which sentinels know the master; "" without sentinels.
        addresses: which addresses mean the same.
    """

    title: str
    servers: tuple[Server, ...]
    sentinels: tuple[Sentinel, ...] = ()
    master: str = ""
    addresses: AddressBook = NOTHING_KNOWN

    @property
    def members(self) -> tuple[Server, ...]:
        """Return the servers that replicate with each other: those that sentinels watch, else all but caches."""
        return tuple(server for server in self.servers if server.node.purpose != "cache")
