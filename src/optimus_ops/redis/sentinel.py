"""A sentinel as it was observed; fields: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optimus_ops.redis.nodes import Address, Node, NotPermitted

DOWN_FLAGS = frozenset({"s_down", "o_down", "disconnected"})


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


def monitored_masters(sentinels: Iterable[Sentinel]) -> list[MonitoredMaster]:
    """Return the master as each sentinel reports it that knows it."""
    return [sentinel.monitored for sentinel in sentinels if isinstance(sentinel.monitored, MonitoredMaster)]
