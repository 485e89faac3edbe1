"""Redis servers, sentinels and their topology as they were observed.

Fields of INFO: https://redis.io/docs/latest/commands/info/ · of Sentinel:
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from optimus_ops.redis.values import count_of

Purpose = Literal["state", "cache", "unknown"]
"""State must never be lost or evicted, a cache may be."""

DOWN_FLAGS = frozenset({"s_down", "o_down", "disconnected"})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host and a port, or the path of a Unix socket and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 address in brackets; of a Unix socket its path."""
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class AddressBook:
    """The addresses that mean the same node.

    Args:
        names: host name or IP address -> the node's name, where a host is one node.
        aliases: address -> the one by which the node is reached from here.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[Address, Address] = field(default_factory=dict)

    def same(self, left: Address, right: Address) -> bool:
        """Tell whether two addresses mean the same node."""
        return self.canonical(left) == self.canonical(right)

    def canonical(self, address: Address) -> Address:
        """Return the one address that stands for all of a node's."""
        reached = self.aliases.get(address, address)
        return replace(reached, host=self.names.get(reached.host, reached.host))

    def shown(self, address: Address) -> str:
        """Return an address for people: the node's name before it."""
        reached = self.aliases.get(address, address)
        known = self.names.get(reached.host, str(reached))
        return str(address) if known in {address.host, str(address)} else f"{known} ({address})"


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """A refused question: permission is missing, or the server does not offer the command (`offered`)."""

    reason: str
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Node:
    """A server or sentinel to observe."""

    name: str  # its service in a stack, else its address
    address: Address  # by which it is reached from here
    purpose: Purpose = "unknown"
    absence: str = ""  # why it can't even be asked: "its container is exited"
    listed: str = ""  # the master's name, where nothing but sentinels' lists names this node


@dataclass(frozen=True, slots=True)
class Attached:
    """A replica as its master reports it."""

    address: Address
    online: bool  # it has the whole data set and follows
    behind: int  # bytes of the replication stream that it has not acknowledged
    lag: int | None  # seconds since its last acknowledgement


@dataclass(frozen=True, slots=True)
class Replication:
    """A server's role in replication; None stands for what it does not report, or what only the other role has."""

    master: Address | None  # None for a master
    offset: int = 0  # bytes of the replication stream
    replicas: tuple[Attached, ...] = ()
    link_up: bool | None = None
    silent: int | None = None  # seconds since the master sent anything
    syncing: bool = False  # it is copying the whole data set
    read_only: bool | None = None
    priority: int | None = None  # 0: it is never promoted
    good_replicas: int | None = None  # replicas that count for min-replicas-to-write
    history: str = ""  # id of the replication stream, shared by a master and all that follow it

    @property
    def role(self) -> Literal["master", "replica"]:
        """Master or replica."""
        return "master" if self.master is None else "replica"

    @property
    def copying(self) -> bool:
        """Whether a full copy is under way, or the link over which one would come is down."""
        if self.master is not None:
            return self.syncing or not self.link_up
        return any(not replica.online for replica in self.replicas)


@dataclass(frozen=True, slots=True)
class LatencyEvent:
    """A kind of event (`command`, `fork`, `aof-write`) above the latency monitor's threshold, in milliseconds."""

    name: str
    at: int  # seconds of the epoch, of the latest one
    latest: int
    worst: int
    history: int  # events on record, at most 160


@dataclass(frozen=True, slots=True)
class SlowCommand:
    """An entry of the slow log; arguments may be secret and are not kept."""

    command: str
    at: int  # seconds of the epoch
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SlowLog:
    """The slow log: its length and its newest entries."""

    length: int
    newest: tuple[SlowCommand, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Round trips of PINGs, one after the other, in milliseconds."""

    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as one of its nodes reports it."""

    state: str  # "ok", or the node's own word
    slots: int  # served ones of 16384
    lost: tuple[str, ...] = ()  # addresses of unreachable nodes


@dataclass(frozen=True, slots=True)
class Server:
    """One Redis server."""

    node: Node
    unreachable_reason: str = ""
    hint: str = ""  # what to do about `unreachable_reason` or `refusal`
    refusal: str = ""  # the answer to PING in place of PONG: "it is loading its data"
    ping: float = 0.0  # milliseconds of the first PING
    info: Mapping[str, Any] | NotPermitted = field(default_factory=dict)
    second_info: Mapping[str, Any] | NotPermitted | None = None  # INFO some seconds later
    replication: Replication | NotPermitted = NotPermitted("")
    config: Mapping[str, str] | NotPermitted = field(default_factory=dict)
    keys: int | NotPermitted = 0
    events: tuple[LatencyEvent, ...] | NotPermitted = ()
    slow: SlowLog | NotPermitted = SlowLog(0, ())
    probe: Probe | None = None
    rewritten: str | NotPermitted | None = None  # the error of CONFIG REWRITE, "" for none; None: not tried
    now: int = 0  # the server's clock, seconds of the epoch; 0 if unknown
    cluster: Cluster | NotPermitted | None = None  # None: no node of a cluster
    other_addresses: tuple[Address, ...] = ()

    def count(self, name: str) -> int:
        """Return a whole number of INFO, 0 where there is none."""
        return 0 if isinstance(self.info, NotPermitted) else count_of(self.info, name)

    def field(self, name: str) -> str:
        """Return the text of a field of INFO, "" where there is none."""
        return "" if isinstance(self.info, NotPermitted) else str(self.info.get(name, ""))

    def setting(self, name: str) -> str:
        """Return a setting of CONFIG GET, "" where there is none."""
        return "" if isinstance(self.config, NotPermitted) else self.config.get(name, "")

    def increase(self, counter: str) -> int:
        """Return by how much a counter grew between both samples of INFO; 0 without a second, or after a restart."""
        second = self.second_sample
        return 0 if second is None else max(count_of(second, counter) - self.count(counter), 0)

    @property
    def second_sample(self) -> Mapping[str, Any] | None:
        """The second INFO; None unless there are two."""
        if isinstance(self.info, Mapping) and isinstance(self.second_info, Mapping):
            return self.second_info
        return None

    @property
    def product(self) -> str:
        """Redis, or the name that a compatible server reports; "" if unknown."""
        if isinstance(self.info, NotPermitted) or not self.info:
            return ""
        return "Valkey" if "valkey_version" in self.info else str(self.info.get("server_name") or "Redis").capitalize()

    @property
    def version(self) -> str:
        """Its own version, not the one that it is compatible with; "" if unknown."""
        found = {} if isinstance(self.info, NotPermitted) else self.info
        return str(found.get(f"{self.product.lower() or 'redis'}_version") or found.get("redis_version", ""))

    @property
    def run_id(self) -> str:
        """The id of the process, which no other server has; "" if unknown."""
        return "" if isinstance(self.info, NotPermitted) else str(self.info.get("run_id", ""))

    @property
    def port(self) -> int:
        """The port that it listens on, which may be mapped to another one."""
        return self.node.address.port if isinstance(self.info, NotPermitted) else self.count("tcp_port")

    @property
    def known_replication(self) -> Replication | None:
        """Its replication; None where it does not answer or may not be asked."""
        return None if self.unreachable_reason or isinstance(self.replication, NotPermitted) else self.replication

    @property
    def role(self) -> str:
        """Master or replica; "" if unknown."""
        own = self.known_replication
        return own.role if own else ""

    def follows(self, master: Address, addresses: AddressBook) -> bool:
        """Tell whether it is a replica of the server at an address, and its link is up."""
        own = self.known_replication
        return own is not None and own.master is not None and bool(own.link_up) and addresses.same(own.master, master)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server or sentinel as a sentinel lists it."""

    address: Address
    run_id: str
    flags: frozenset[str]

    @property
    def stale(self) -> bool:
        """Whether the sentinel can't reach it."""
        return bool(self.flags & DOWN_FLAGS)


@dataclass(frozen=True, slots=True)
class MonitoredMaster:
    """A master as one sentinel reports it."""

    master: Peer
    replicas: tuple[Peer, ...]
    sentinels: tuple[Peer, ...]  # the others
    quorum: int  # sentinels that must agree that the master is down
    epoch: int  # of the configuration; each failover has a higher one
    down_after: int  # milliseconds without an answer until something counts as down
    failover_timeout: int  # milliseconds
    parallel_syncs: int  # replicas that are reconfigured at once
    no_quorum: str | NotPermitted  # the error of SENTINEL CKQUORUM, "" for none
    unlisted: NotPermitted | None = None  # why it lists no replicas or sentinels


@dataclass(frozen=True, slots=True)
class Sentinel:
    """One sentinel; None stands for what it does not report."""

    node: Node
    unreachable_reason: str = ""
    hint: str = ""  # what to do about `unreachable_reason`
    names: tuple[str, ...] = ()  # of all masters that it monitors
    monitored: MonitoredMaster | NotPermitted | None = None  # the master in question; None: it doesn't know the name
    tilt: bool | None = None  # it stopped acting because its clock or event loop stalled
    identity: str = ""  # its own id, which no other sentinel may have
    config_file: str | None = None
    rewritten: str | NotPermitted | None = None  # the error of SENTINEL FLUSHCONFIG, "" for none; None: not tried
    uptime: int | None = None  # seconds
    run_id: str = ""
    other_addresses: tuple[Address, ...] = ()
    ping_period: int | None = None  # milliseconds between PINGs, also the shortest pause before it reconnects (Redis 7)


Observed = TypeVar("Observed", bound=Server | Sentinel)


@dataclass(frozen=True, slots=True)
class Topology:
    """All servers and sentinels of a deployment."""

    title: str  # the stack's name, a URL without its password, or the master's name
    servers: tuple[Server, ...]
    sentinels: tuple[Sentinel, ...] = ()
    master: str = ""  # the name by which sentinels know the master; "" without sentinels
    addresses: AddressBook = AddressBook()

    @property
    def members(self) -> tuple[Server, ...]:
        """The servers that replicate with each other: those that sentinels monitor, else all but caches."""
        return tuple(server for server in self.servers if server.node.purpose != "cache")

    def of_role(self, role: Literal["master", "replica"]) -> list[Server]:
        """Return the members of a role that answer."""
        return [server for server in self.members if server.role == role]


def monitored_masters(sentinels: Iterable[Sentinel]) -> list[MonitoredMaster]:
    """Return the master as each sentinel reports it that knows it."""
    return [sentinel.monitored for sentinel in sentinels if isinstance(sentinel.monitored, MonitoredMaster)]
