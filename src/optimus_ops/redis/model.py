"""Redis servers and their topology as they were observed; fields of INFO: https://redis.io/docs/latest/commands/info/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from optimus_ops.redis.nodes import Address, AddressBook, Node, NotPermitted
from optimus_ops.redis.sentinel import Sentinel
from optimus_ops.redis.values import count_of


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
    replication: Replication | NotPermitted = field(default_factory=lambda: NotPermitted(""))
    config: Mapping[str, str] | NotPermitted = field(default_factory=dict)
    keys: int | NotPermitted = 0
    events: tuple[LatencyEvent, ...] | NotPermitted = ()
    slow: SlowLog | NotPermitted = SlowLog(0, ())
    probe: Probe | None = None
    rewritten: str | NotPermitted | None = None  # the error of CONFIG REWRITE, "" for none; None: not tried
    now: int = 0  # the server's clock, seconds of the epoch; 0 if unknown
    cluster: Cluster | NotPermitted | None = None  # None: no node of a cluster
    other_addresses: tuple[Address, ...] = ()

    @property
    def reported(self) -> Mapping[str, Any]:
        """INFO, empty where it is not told."""
        return {} if isinstance(self.info, NotPermitted) else self.info

    def count(self, name: str) -> int:
        """Return a whole number of INFO, 0 where there is none."""
        return count_of(self.reported, name)

    def field(self, name: str) -> str:
        """Return the text of a field of INFO, "" where there is none."""
        return str(self.reported.get(name, ""))

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
        if not self.reported:
            return ""
        return "Valkey" if "valkey_version" in self.reported else (self.field("server_name") or "Redis").capitalize()

    @property
    def version(self) -> str:
        """Its own version, not the one that it is compatible with; "" if unknown."""
        return self.field(f"{self.product.lower() or 'redis'}_version") or self.field("redis_version")

    @property
    def run_id(self) -> str:
        """The id of the process, which no other server has; "" if unknown."""
        return self.field("run_id")

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


Observed = TypeVar("Observed", bound=Server | Sentinel)


@dataclass(frozen=True, slots=True)
class Topology:
    """All servers and sentinels of a deployment."""

    title: str  # the stack's name, a URL without its password, or the master's name
    servers: tuple[Server, ...]
    sentinels: tuple[Sentinel, ...] = ()
    master: str = ""  # the name by which sentinels know the master; "" without sentinels
    addresses: AddressBook = field(default_factory=AddressBook)

    @property
    def members(self) -> tuple[Server, ...]:
        """The servers that replicate with each other: those that sentinels monitor, else all but caches."""
        return tuple(server for server in self.servers if server.node.purpose != "cache")

    def of_role(self, role: Literal["master", "replica"]) -> list[Server]:
        """Return the members of a role that answer."""
        return [server for server in self.members if server.role == role]
