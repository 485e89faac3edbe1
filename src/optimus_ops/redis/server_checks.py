"""What is judged of one Redis server: pure functions from what was observed to verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.redis.check_result import Check, not_allowed
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.persistence_checks import check_persistence
from optimus_ops.redis.replication_checks import RESET
from optimus_ops.redis.second_look import grown
from optimus_ops.redis.trouble import WAY_HINT
from optimus_ops.redis.values import count_of, real, whole
from optimus_ops.text.units import age, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.check_result import Figure
    from optimus_ops.redis.model import Server

SLOW_PING_MS = 100.0
"""A round trip that a person waiting for an answer made of many of them would notice."""
FULL, NEARLY_FULL = 0.95, 0.8
"""Shares of maxmemory and maxclients that are a failure and a warning."""
WASTE_BYTES = 64 * 1024**2
WASTE_RATIO = 1.5
"""Fragmentation is looked at where it costs something: a small server's ratio says nothing."""
CLUSTER_SLOTS = 16384
CUT_OFF = ("client_query_buffer_limit_disconnections", "client_output_buffer_limit_disconnections")
RECENT_SECONDS = 3600
SLOW_EVENT_MS = 500
"""The shortest down-after that is used: a stall of that length looks like a dead master."""


def check_server(server: Server) -> Iterator[Check]:
    """Judge a server by itself."""
    if server.unreachable_reason:
        yield check_silence(server)
        return
    yield check_ping(server)
    yield check_probe(server)
    yield from _of_info(server)
    yield from check_cluster(server)
    yield check_keys(server)
    yield check_latency(server)
    yield check_slow_log(server)


def _of_info(server: Server) -> Iterator[Check]:
    for name, needed, check in INFO_CHECKS:
        if isinstance(server.info, NotPermitted):
            yield not_allowed(server.node.name, name, server.info, "INFO")
        elif whole(server.info.get(needed)) is None:
            yield not_allowed(server.node.name, name, NotPermitted(f"it tells no {needed}"), "INFO")
        else:
            yield check(server, server.info)


def check_silence(server: Server) -> Check:
    """Return the failure of a server that does not answer."""
    hint = server.hint or WAY_HINT
    if server.node.listed:
        hint += f"; if it is gone for good: {RESET} {server.node.listed}"
    return Check(server.node.name, "ping", "failed", f"{server.node.address}: {server.unreachable_reason}", hint)


def check_ping(server: Server) -> Check:
    """Judge that it answers, and that with PONG."""
    found = f"{server.ping:.1f} ms"
    figures = {"milliseconds": round(server.ping, 3)}
    if server.refusal:
        return Check(server.node.name, "ping", "failed", server.refusal, server.hint, figures)
    if server.ping > SLOW_PING_MS:
        return Check(server.node.name, "ping", "warning", found, "see latency below", figures)
    return Check(server.node.name, "ping", "ok", found, figures=figures)


def check_cluster(server: Server) -> Iterator[Check]:
    """Judge the cluster that a node is part of."""
    if server.cluster is None:
        return
    name = server.node.name
    if isinstance(server.cluster, NotPermitted):
        yield not_allowed(name, "cluster", server.cluster, "CLUSTER INFO and NODES")
        return
    cluster = server.cluster
    found = f"{cluster.state}, {cluster.slots} of {CLUSTER_SLOTS} slots are served"
    figures: dict[str, Figure] = {
        "state": cluster.state,
        "slots_served": cluster.slots,
        "nodes_lost": len(cluster.lost),
    }
    lost = f"; out of reach: {', '.join(cluster.lost)}" if cluster.lost else ""
    hint = "redis-cli --cluster check HOST:PORT says what is missing; start those nodes, or CLUSTER FORGET who is gone"
    if cluster.state != "ok" or cluster.slots < CLUSTER_SLOTS or cluster.lost:
        yield Check(name, "cluster", "failed", f"{found}{lost}", hint, figures)
    else:
        yield Check(name, "cluster", "ok", found, figures=figures)


def check_probe(server: Server) -> Check:
    """Judge round trips from here."""
    probe = server.probe
    if probe is None:
        hint = "it answered before: look again, it is busy or the way to it is"
        return Check(server.node.name, "round trip", "failed", "it stopped answering", hint)
    found = f"p50 {probe.p50:.2f} ms, p99 {probe.p99:.2f} ms of {probe.count} PINGs"
    figures = {"count": probe.count, "p50_milliseconds": round(probe.p50, 3), "p99_milliseconds": round(probe.p99, 3)}
    if probe.p99 > SLOW_PING_MS:
        hint = "slow commands (slow log), a busy host, or a long way to it: redis-cli --latency on its host tells which"
        return Check(server.node.name, "round trip", "warning", found, hint, figures)
    return Check(server.node.name, "round trip", "ok", found, figures=figures)


def check_memory(server: Server, info: Mapping[str, Any]) -> Check:
    """Judge use, peak and fragmentation against the limit."""
    used, peak, limit = (count_of(info, name) for name in ("used_memory", "used_memory_peak", "maxmemory"))
    ratio, waste = real(info.get("mem_fragmentation_ratio")) or 1.0, count_of(info, "mem_fragmentation_bytes")
    found = f"{size(used)} of {size(limit) if limit else 'no limit'}, peak {size(peak)}, fragmentation {ratio:.2f}"
    figures = {
        "used_bytes": used,
        "peak_bytes": peak,
        "limit_bytes": limit or None,
        "fragmentation_ratio": ratio,
        "fragmentation_bytes": waste,
    }

    def made(verdict: Any, hint: str = "") -> Check:
        return Check(server.node.name, "memory", verdict, found, hint, figures)

    if not limit:
        return made("warning", "set maxmemory below what its host or container has: else the kernel ends it when full")
    if server.node.purpose != "cache" and used >= FULL * limit:
        return made("failed", "nearly full: writes will be refused; raise maxmemory, or delete or expire keys")
    if server.node.purpose != "cache" and used >= NEARLY_FULL * limit:
        return made("warning", "filling up: raise maxmemory (REDIS_MAXMEMORY), or see what grows: redis-cli --bigkeys")
    if waste > WASTE_BYTES and ratio > WASTE_RATIO:
        return made("warning", f"{size(waste)} are lost to fragmentation: CONFIG SET activedefrag yes, or restart it")
    if used > WASTE_BYTES and 0 < ratio < 0.8:
        return made("warning", "part of it is swapped out: give its host more memory")
    return made("ok")


def check_policy(server: Server, info: Mapping[str, Any]) -> Check:
    """Judge what happens when memory is full against what the server is for."""
    policy = str(info.get("maxmemory_policy", "unknown"))
    name, purpose = server.node.name, server.node.purpose
    figures = {"policy": policy, "purpose": purpose}
    found = policy if purpose == "unknown" else f"{policy}, for {'a cache' if purpose == 'cache' else 'state'}"
    if purpose == "cache":
        if policy == "noeviction":
            return Check(name, "policy", "failed", found, "a full cache refuses writes: use allkeys-lru", figures)
        if policy.startswith("volatile-"):
            hint = "keys without an expiry are never evicted: use allkeys-lru, or let every key expire"
            return Check(name, "policy", "warning", found, hint, figures)
        return Check(name, "policy", "ok", found, figures=figures)
    if policy == "noeviction":
        return Check(name, "policy", "ok", found, figures=figures)
    if purpose == "state":
        hint = "sessions, queues and locks can vanish without a word: noeviction, and a server of its own for caches"
        return Check(name, "policy", "failed", found, hint, figures)
    hint = "right for a cache (say --role cache), wrong for sessions, queues and locks"
    return Check(name, "policy", "warning", found, hint, figures)


def check_evictions(server: Server, info: Mapping[str, Any]) -> Check:
    """Judge that nothing was evicted where nothing may be."""
    evicted, up = count_of(info, "evicted_keys"), count_of(info, "uptime_in_seconds")
    found = f"{evicted} keys in {age(up)}"
    figures = {"evicted_keys": evicted, "uptime_seconds": up}
    kept = server.node.purpose == "state" or (
        server.node.purpose == "unknown" and info.get("maxmemory_policy") == "noeviction"
    )
    if evicted and kept:
        hint = "state was lost: an evicting policy is or was set; find out by whom, and what misses the keys"
        return Check(server.node.name, "evictions", "failed", found, hint, figures)
    return Check(server.node.name, "evictions", "ok", found, figures=figures)


def check_clients(server: Server, info: Mapping[str, Any]) -> Check:
    """Judge connected and blocked clients against the limit."""
    connected, blocked = count_of(info, "connected_clients"), count_of(info, "blocked_clients")
    limit, rejected = count_of(info, "maxclients"), count_of(info, "rejected_connections")
    found = f"{connected} connected{f' of {limit}' if limit else ''}, {blocked} blocked, {rejected} rejected"
    figures = {"connected": connected, "blocked": blocked, "limit": limit or None, "rejected": rejected}
    if limit and connected >= FULL * limit:
        hint = "new clients are about to be refused: find who leaks connections (CLIENT LIST), or raise maxclients"
        return Check(server.node.name, "clients", "failed", found, hint, figures)
    if any(grown(server, counter) for counter in CUT_OFF):
        hint = "clients are cut off now: they read too slowly or ask too much at once (client-output-buffer-limit)"
        return Check(server.node.name, "clients", "warning", found, hint, figures)
    if rejected or (limit and connected >= NEARLY_FULL * limit):
        hint = "find who opens so many (CLIENT LIST), bound the pools of clients, or raise maxclients"
        return Check(server.node.name, "clients", "warning", found, hint, figures)
    return Check(server.node.name, "clients", "ok", found, figures=figures)


def check_keys(server: Server) -> Check:
    """Show how many keys there are."""
    if isinstance(server.keys, NotPermitted):
        return not_allowed(server.node.name, "keys", server.keys, "INFO or DBSIZE")
    figures: dict[str, int | str] = {"keys": server.keys}
    found = str(server.keys)
    if not isinstance(server.info, NotPermitted):
        databases = {name: value for name, value in server.info.items() if _is_database(name, value)}
        parts = [f"{name}: {value['keys']}, {count_of(value, 'expires')} expire" for name, value in databases.items()]
        found = f"{server.keys} ({'; '.join(parts)})" if parts else found
        figures |= {name: count_of(value, "keys") for name, value in databases.items()}
    return Check(server.node.name, "keys", "ok", found, figures=figures)


def _is_database(name: str, value: object) -> bool:
    return (
        name.startswith("db")
        and name[2:].isdecimal()
        and isinstance(value, dict)
        and whole(value.get("keys")) is not None
    )


def check_latency(server: Server) -> Check:
    """Judge what the latency monitor recorded within the last hour."""
    name = server.node.name
    if isinstance(server.events, NotPermitted):
        return not_allowed(name, "latency", server.events, "LATENCY LATEST")
    threshold = "" if isinstance(server.config, NotPermitted) else server.config.get("latency-monitor-threshold", "")
    if threshold == "0":
        hint = "switch it on: CONFIG SET latency-monitor-threshold 100"
        return Check(name, "latency", "warning", "the latency monitor is off", hint)
    events = sorted(server.events, key=lambda event: -event.worst)
    figures = {f"{event.name}_worst_milliseconds": event.worst for event in events}
    found = (
        ", ".join(f"{one.name} {one.latest} ms (worst {one.worst} ms, {one.history} on record)" for one in events[:3])
        or f"no event{f' of {threshold} ms or more' if threshold else ''}"
    )
    recent = [one for one in events if _recent(server, one.at) and one.latest >= SLOW_EVENT_MS]
    if recent:
        hint = f"a stall like this looks like a dead master to sentinels; what helps: LATENCY DOCTOR ({recent[0].name})"
        return Check(name, "latency", "warning", found, hint, figures)
    return Check(name, "latency", "ok", found, figures=figures)


def check_slow_log(server: Server) -> Check:
    """Judge the commands that the slow log recorded within the last hour."""
    name = server.node.name
    if isinstance(server.slow, NotPermitted):
        return not_allowed(name, "slow log", server.slow, "SLOWLOG GET")
    limit = "" if isinstance(server.config, NotPermitted) else server.config.get("slowlog-log-slower-than", "")
    if limit == "-1":
        return Check(name, "slow log", "warning", "it is off", "switch it on: CONFIG SET slowlog-log-slower-than 10000")
    recent = [one for one in server.slow.newest if _recent(server, one.at)]
    figures = {"entries": server.slow.length, "recent": len(recent)}
    if not recent:
        return Check(
            name, "slow log", "ok", f"{server.slow.length} entries, none within the last hour", figures=figures
        )
    slowest = max(recent, key=lambda one: one.milliseconds)
    found = (
        f"{server.slow.length} entries, {len(recent)} of the newest {len(server.slow.newest)} within the last hour; "
    )
    found += f"{slowest.command} took {slowest.milliseconds:.0f} ms"
    if slowest.milliseconds < SLOW_PING_MS:
        return Check(name, "slow log", "ok", found, figures=figures)
    hint = "every other client waited meanwhile: redis-cli SLOWLOG GET shows what was asked"
    return Check(name, "slow log", "warning", found, hint, figures)


def _recent(server: Server, at: int) -> bool:
    return server.now == 0 or server.now - at < RECENT_SECONDS


INFO_CHECKS = (
    ("memory", "used_memory", check_memory),
    ("policy", "used_memory", check_policy),
    ("evictions", "evicted_keys", check_evictions),
    ("clients", "connected_clients", check_clients),
    ("persistence", "aof_enabled", check_persistence),
)
"""A check, the field of INFO without which it has nothing to go by, and how it judges."""
