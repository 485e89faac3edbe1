"""Servers and sentinels as they are observed, to be judged."""

from __future__ import annotations

from typing import Any

from optimus_ops.redis.model import Attached, Probe, Replication, Server, Topology
from optimus_ops.redis.nodes import Address, AddressBook, Node, Purpose
from optimus_ops.redis.sentinel import MonitoredMaster, Peer, Sentinel

NOW = 1_800_000_000
MASTER = "mymaster"
ADDRESSES = {f"redis-{n}": Address(f"10.0.0.1{n}", 6379) for n in range(1, 4)}
SENTINELS = {f"sentinel-{n}": Address(f"10.0.0.2{n}", 26379) for n in range(1, 8)}

INFO: dict[str, Any] = {
    "redis_version": "8.0.2",
    "config_file": "/data/redis.conf",
    "uptime_in_seconds": 3600,
    "used_memory": 10 * 1024**2,
    "used_memory_peak": 12 * 1024**2,
    "maxmemory": 192 * 1024**2,
    "maxmemory_policy": "noeviction",
    "mem_fragmentation_ratio": 1.2,
    "mem_fragmentation_bytes": 1024**2,
    "connected_clients": 5,
    "blocked_clients": 1,
    "maxclients": 10_000,
    "rejected_connections": 0,
    "evicted_keys": 0,
    "loading": 0,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "rdb_saves": 0,
    "role": "master",
    "db0": {"keys": 3, "expires": 1},
}
CONFIG = {
    "appendfsync": "everysec",
    "latency-monitor-threshold": "100",
    "min-replicas-max-lag": "2",
    "min-replicas-to-write": "1",
    "slowlog-log-slower-than": "10000",
}


def server(name: str = "redis-1", purpose: Purpose = "state", **changes: Any) -> Server:
    """Return a healthy server; `info` and `config` change single fields."""
    info, config = changes.pop("info", {}), changes.pop("config", {})
    facts: dict[str, Any] = {
        "node": Node(name, ADDRESSES.get(name, Address("10.0.0.9", 6379)), purpose),
        "ping": 0.3,
        "info": {**INFO, **info} if isinstance(info, dict) else info,
        "config": {**CONFIG, **config} if isinstance(config, dict) else config,
        "replication": Replication(master=None),
        "keys": 3,
        "probe": Probe(100, 0.2, 0.9),
        "now": NOW,
    }
    return Server(**{**facts, **changes})


def master(name: str = "redis-1", replicas: tuple[str, ...] = ("redis-2", "redis-3"), **changes: Any) -> Server:
    """Return a master with replicas attached."""
    attached = tuple(Attached(ADDRESSES[one], online=True, behind=0, lag=0) for one in replicas)
    own = {"master": None, "replicas": attached, "good_replicas": len(attached), **changes.pop("replication", {})}
    return server(name, replication=Replication(**own), **changes)


def replica(name: str, of: str = "redis-1", **changes: Any) -> Server:
    """Return a replica with a link to its master."""
    linked: dict[str, Any] = {"link_up": True, "silent": 1, "read_only": True, "priority": 100}
    own = {"master": ADDRESSES[of], **linked, **changes.pop("replication", {})}
    return server(name, replication=Replication(**own), **changes)


def peer(address: Address, *flags: str) -> Peer:
    """Return an entry of a sentinel's list."""
    return Peer(address, f"id-{address.host}", frozenset(flags or {"slave"}))


def watch(name: str, *, count: int = 3, **changes: Any) -> MonitoredMaster:
    """Return what a sentinel of so many has on the master."""
    others = [one for one in list(SENTINELS)[:count] if one != name]
    facts: dict[str, Any] = {
        "master": peer(ADDRESSES["redis-1"], "master"),
        "replicas": tuple(peer(ADDRESSES[one]) for one in ("redis-2", "redis-3")),
        "sentinels": tuple(peer(SENTINELS[one], "sentinel") for one in others),
        "quorum": 2,
        "epoch": 4,
        "down_after": 500,
        "failover_timeout": 6000,
        "parallel_syncs": 2,
        "no_quorum": "",
    }
    return MonitoredMaster(**{**facts, **changes})


def sentinel(name: str = "sentinel-1", *, count: int = 3, **changes: Any) -> Sentinel:
    """Return a healthy sentinel of so many; fields of its watch may be changed too."""
    own = {key: changes.pop(key) for key in list(changes) if key in MonitoredMaster.__slots__}
    facts: dict[str, Any] = {
        "node": Node(name, SENTINELS[name]),
        "names": (MASTER,),
        "monitored": watch(name, count=count, **own),
        "tilt": False,
        "identity": f"id-{SENTINELS[name].host}",
        "config_file": "/data/sentinel.conf",
    }
    return Sentinel(**{**facts, **changes})


def group(
    servers: tuple[Server, ...] | None = None,
    sentinels: tuple[Sentinel, ...] | None = None,
) -> Topology:
    """Return a healthy group of three servers and three sentinels, or with others in their place."""
    names = {address.host: name for name, address in {**ADDRESSES, **SENTINELS}.items()}
    return Topology(
        title="shop",
        servers=(master(), replica("redis-2"), replica("redis-3")) if servers is None else servers,
        sentinels=tuple(map(sentinel, list(SENTINELS)[:3])) if sentinels is None else sentinels,
        master=MASTER,
        addresses=AddressBook(names),
    )


def single(one: Server) -> Topology:
    """Return one server by itself."""
    return Topology(title="shop", servers=(one,))
