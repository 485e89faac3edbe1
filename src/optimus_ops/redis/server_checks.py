"""Checks of one Redis server by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.redis.check_rules import CheckRow, Outcome, Rule, all_rules, failed, first_rule, warning
from optimus_ops.redis.model import Cluster, NotPermitted, SlowLog
from optimus_ops.redis.values import count_of, databases_of, real, whole
from optimus_ops.text.units import age, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from optimus_ops.checks.model import Figure
    from optimus_ops.redis.model import Server, Topology

SLOW_PING_MS = 100.0
"""A round trip that a person notices who waits for an answer made of many of them."""
FULL, NEARLY_FULL = 0.95, 0.8
"""Shares of maxmemory and maxclients that are a failure and a warning."""
WASTE_BYTES = 64 * 1024**2
WASTE_RATIO = 1.5
"""Fragmentation counts where it costs something: a small server's ratio says nothing."""
SWAPPED_RATIO = 0.8
CLUSTER_SLOTS = 16384
CUT_OFF = ("client_query_buffer_limit_disconnections", "client_output_buffer_limit_disconnections")
RECENT_SECONDS = 3600
SLOW_EVENT_MS = 500
"""The shortest down-after in use: a stall of that length looks like a dead master."""


def _ping(server: Server) -> Outcome:
    return first_rule(
        server.refusal or f"{server.ping:.1f} ms",
        {"milliseconds": round(server.ping, 3)},
        failed(server.refusal, server.hint),
        warning(server.ping > SLOW_PING_MS, "see latency below"),
    )


def _round_trip(server: Server) -> Outcome:
    probe = server.probe
    if probe is None:
        hint = "it answered before: look again, it is busy or the way to it is"
        return Outcome("failed", "it stopped answering", hint)
    hint = "slow commands (slow log), a busy host, or a long way to it: redis-cli --latency on its host tells which"
    return first_rule(
        f"p50 {probe.p50:.2f} ms, p99 {probe.p99:.2f} ms of {probe.count} PINGs",
        {"count": probe.count, "p50_milliseconds": round(probe.p50, 3), "p99_milliseconds": round(probe.p99, 3)},
        warning(probe.p99 > SLOW_PING_MS, hint),
    )


def _memory(server: Server) -> Outcome:
    used, peak, limit = (server.count(name) for name in ("used_memory", "used_memory_peak", "maxmemory"))
    ratio, waste = real(server.field("mem_fragmentation_ratio")) or 1.0, server.count("mem_fragmentation_bytes")
    kept = server.node.purpose != "cache"
    wasted = f"{size(waste)} are lost to fragmentation: CONFIG SET activedefrag yes, or restart it"
    return first_rule(
        f"{size(used)} of {size(limit) if limit else 'no limit'}, peak {size(peak)}, fragmentation {ratio:.2f}",
        {
            "used_bytes": used,
            "peak_bytes": peak,
            "limit_bytes": limit or None,
            "fragmentation_ratio": ratio,
            "fragmentation_bytes": waste,
        },
        warning(not limit, "set maxmemory below what its host or container has: else the kernel ends it when full"),
        failed(
            kept and used >= FULL * limit,
            "nearly full: writes will be refused; raise maxmemory, or delete or expire keys",
        ),
        warning(
            kept and used >= NEARLY_FULL * limit, "filling up: raise maxmemory, or see what grows: redis-cli --bigkeys"
        ),
        warning(waste > WASTE_BYTES and ratio > WASTE_RATIO, wasted),
        warning(
            used > WASTE_BYTES and 0 < ratio < SWAPPED_RATIO, "part of it is swapped out: give its host more memory"
        ),
    )


def _policy(server: Server) -> Outcome:
    policy, purpose = server.field("maxmemory_policy") or "unknown", server.node.purpose
    evicting = policy != "noeviction"
    return first_rule(
        policy if purpose == "unknown" else f"{policy}, for {'a cache' if purpose == 'cache' else 'state'}",
        {"policy": policy, "purpose": purpose},
        failed(purpose == "cache" and not evicting, "a full cache refuses writes: use allkeys-lru"),
        warning(
            purpose == "cache" and policy.startswith("volatile-"),
            "keys without an expiry are never evicted: use allkeys-lru, or let every key expire",
        ),
        failed(
            purpose == "state" and evicting,
            "sessions, queues and locks can vanish without a word: noeviction, and a server of its own for caches",
        ),
        warning(
            purpose == "unknown" and evicting,
            "right for a cache (say --role cache), wrong for sessions, queues and locks",
        ),
    )


def _evictions(server: Server) -> Outcome:
    evicted, up = server.count("evicted_keys"), server.count("uptime_in_seconds")
    purpose, policy = server.node.purpose, server.field("maxmemory_policy")
    kept = purpose == "state" or (purpose == "unknown" and policy == "noeviction")
    hint = "state was lost: an evicting policy is or was set; find out by whom, and what misses the keys"
    figures: dict[str, Figure] = {"evicted_keys": evicted, "uptime_seconds": up}
    return first_rule(f"{evicted} keys in {age(up)}", figures, failed(evicted and kept, hint))


def _clients(server: Server) -> Outcome:
    names = ("connected_clients", "blocked_clients", "maxclients", "rejected_connections")
    connected, blocked, limit, rejected = (server.count(name) for name in names)
    return first_rule(
        f"{connected} connected{f' of {limit}' if limit else ''}, {blocked} blocked, {rejected} rejected",
        {"connected": connected, "blocked": blocked, "limit": limit or None, "rejected": rejected},
        failed(
            limit and connected >= FULL * limit,
            "new clients are about to be refused: find who leaks connections (CLIENT LIST), or raise maxclients",
        ),
        warning(
            any(server.increase(counter) for counter in CUT_OFF),
            "clients are cut off now: they read too slowly or ask too much at once (client-output-buffer-limit)",
        ),
        warning(
            rejected or (limit and connected >= NEARLY_FULL * limit),
            "find who opens so many (CLIENT LIST), bound the pools of clients, or raise maxclients",
        ),
    )


def _persistence(server: Server) -> Outcome:
    aof, write, rewrite = (server.count("aof_enabled"), *map(server.field, (AOF_WRITE, AOF_REWRITE)))
    bgsave = server.field(BGSAVE)
    loading = server.count("loading")
    rules: tuple[Rule, ...] = (
        failed(loading, "it answers nothing until it has read its data: wait"),
        (failed if server.node.purpose == "state" else warning)(
            not aof and server.node.purpose != "cache",
            "a restart loses everything since the last snapshot: appendonly yes",
        ),
        failed(
            aof and (write or "ok") != "ok",
            "writes are refused until the append-only file can be written: is the disk full?",
        ),
        failed(
            (rewrite or "ok") != "ok",
            "the append-only file grows without end: memory to fork, room on the disk? then BGREWRITEAOF",
        ),
        failed((bgsave or "ok") != "ok", "memory to fork, room on the disk? then BGSAVE"),
        warning(
            server.increase("aof_delayed_fsync"),
            "its disk is slower than what is written: what is acknowledged meanwhile may be lost with the host",
        ),
        warning(
            aof and server.setting("appendfsync") == "no",
            "the kernel chooses when to write: up to 30 s are lost with the host; use appendfsync everysec",
        ),
    )
    figures: dict[str, Figure] = {
        "aof": bool(aof),
        "aof_last_write": write,
        "aof_last_rewrite": rewrite,
        "last_bgsave": bgsave,
        "delayed_fsyncs": server.count("aof_delayed_fsync"),
        "loading": bool(loading),
    }
    return all_rules(", ".join(_persistence_found(server)), figures, *rules)


AOF_WRITE, AOF_REWRITE, BGSAVE = "aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"


def _persistence_found(server: Server) -> Iterator[str]:
    if server.count("loading"):
        yield f"loading, {server.field('loading_loaded_perc') or '?'} % done"
    if server.count("aof_enabled"):
        fsync = server.setting("appendfsync")
        yield f"AOF on{f' ({fsync})' if fsync else ''}"
        yield f"last write {server.field(AOF_WRITE) or 'unknown'}"
        yield f"last rewrite {server.field(AOF_REWRITE) or 'unknown'}"
    else:
        yield "AOF off"
    if server.count("rdb_saves") or server.field(BGSAVE) != "ok":
        saved = max(server.now - server.count("rdb_last_save_time"), 0) if server.now else 0
        yield f"last snapshot {server.field(BGSAVE) or 'unknown'}{f' {age(saved)} ago' if saved else ''}"


def _cluster(server: Server) -> Outcome | None:
    cluster = server.cluster
    if not isinstance(cluster, Cluster):
        return None
    lost = f"; out of reach: {', '.join(cluster.lost)}" if cluster.lost else ""
    return first_rule(
        f"{cluster.state}, {cluster.slots} of {CLUSTER_SLOTS} slots are served{lost}",
        {"state": cluster.state, "slots_served": cluster.slots, "nodes_lost": len(cluster.lost)},
        failed(
            cluster.state != "ok" or cluster.slots < CLUSTER_SLOTS or cluster.lost,
            "redis-cli --cluster check HOST:PORT says what is missing; start those nodes, or CLUSTER FORGET "
            "who is gone",
        ),
    )


def _keys(server: Server) -> Outcome:
    keys = server.keys if isinstance(server.keys, int) else 0
    found = databases_of({} if isinstance(server.info, NotPermitted) else server.info)
    databases = {
        name: database
        for name, database in found.items()
        if name[2:].isdecimal() and whole(database.get("keys")) is not None
    }
    parts = [f"{name}: {value['keys']}, {count_of(value, 'expires')} expire" for name, value in databases.items()]
    figures = {"keys": keys, **{name: count_of(database, "keys") for name, database in databases.items()}}
    return Outcome("ok", f"{keys} ({'; '.join(parts)})" if parts else str(keys), "", figures)


def _latency(server: Server) -> Outcome:
    threshold = server.setting("latency-monitor-threshold")
    if threshold == "0":
        hint = "switch it on: CONFIG SET latency-monitor-threshold 100"
        return Outcome("warning", "the latency monitor is off", hint)
    events = sorted(() if isinstance(server.events, NotPermitted) else server.events, key=lambda event: -event.worst)
    shown = [f"{it.name} {it.latest} ms (worst {it.worst} ms, {it.history} on record)" for it in events[:3]]
    recent = [event.name for event in events if _is_recent(server, event.at) and event.latest >= SLOW_EVENT_MS]
    hint = (
        f"a stall like this looks like a dead master to sentinels; what helps: LATENCY DOCTOR ({''.join(recent[:1])})"
    )
    return first_rule(
        ", ".join(shown) or f"no event{f' of {threshold} ms or more' if threshold else ''}",
        {f"{event.name}_worst_milliseconds": event.worst for event in events},
        warning(recent, hint),
    )


def _slow_log(server: Server) -> Outcome:
    limit = server.setting("slowlog-log-slower-than")
    if limit == "-1":
        return Outcome("warning", "it is off", "switch it on: CONFIG SET slowlog-log-slower-than 10000")
    slow = server.slow if isinstance(server.slow, SlowLog) else SlowLog(0, ())
    recent = [command for command in slow.newest if _is_recent(server, command.at)]
    figures: dict[str, Figure] = {"entries": slow.length, "recent": len(recent)}
    if not recent:
        return Outcome("ok", f"{slow.length} entries, none within the last hour", "", figures)
    slowest = max(recent, key=lambda command: command.milliseconds)
    hint = "every other client waited meanwhile: redis-cli SLOWLOG GET shows what was asked"
    return first_rule(
        f"{slow.length} entries, {len(recent)} of the newest {len(slow.newest)} within the last hour; "
        f"{slowest.command} took {slowest.milliseconds:.0f} ms",
        figures,
        warning(slowest.milliseconds >= SLOW_PING_MS, hint),
    )


def _is_recent(server: Server, at: int) -> bool:
    return server.now == 0 or server.now - at < RECENT_SECONDS


def _of_info(name: str, field: str, judge: Callable[[Server], Outcome]) -> CheckRow[Server]:
    """Return a check of INFO that has nothing to go by without a field."""

    def answer(_topology: Topology, server: Server) -> object:
        if isinstance(server.info, NotPermitted):
            return server.info
        return True if whole(server.info.get(field)) is not None else NotPermitted(f"it tells no {field}")

    return CheckRow(name, "INFO", answer, lambda _topology, server: judge(server))


def _row(
    name: str, command: str, answer: Callable[[Server], object], judge: Callable[[Server], Outcome | None]
) -> CheckRow[Server]:
    return CheckRow(name, command, lambda _topology, server: answer(server), lambda _topology, server: judge(server))


SERVER_CHECKS = (
    _row("ping", "PING", lambda _server: True, _ping),
    _row("round trip", "PING", lambda _server: True, _round_trip),
    _of_info("memory", "used_memory", _memory),
    _of_info("policy", "used_memory", _policy),
    _of_info("evictions", "evicted_keys", _evictions),
    _of_info("clients", "connected_clients", _clients),
    _of_info("persistence", "aof_enabled", _persistence),
    _row("cluster", "CLUSTER INFO and NODES", lambda server: server.cluster, _cluster),
    _row("keys", "INFO or DBSIZE", lambda server: server.keys, _keys),
    _row("latency", "LATENCY LATEST", lambda server: server.events, _latency),
    _row("slow log", "SLOWLOG GET", lambda server: server.slow, _slow_log),
)
