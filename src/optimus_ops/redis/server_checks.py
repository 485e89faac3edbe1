"""Checks of one Redis server by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optimus_ops.redis.check_rules import CheckRow, Judgement, Problem, failed, found, warning
from optimus_ops.redis.error_causes import FULL_OF_CLIENTS
from optimus_ops.redis.model import Cluster, Server, SlowLog
from optimus_ops.redis.nodes import NotPermitted
from optimus_ops.redis.values import count_of, databases_of, real, whole
from optimus_ops.text.units import age, size

Judge = Callable[[Server], Judgement]

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
AOF_WRITE, AOF_REWRITE, BGSAVE = "aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"
SLOW_DISK = "its disk is slower than what is written: what is acknowledged meanwhile may be lost with the host"
KERNEL_WRITES = "the kernel chooses when to write: up to 30 s are lost with the host; use appendfsync everysec"
RECENT_SECONDS = 3600
SLOW_EVENT_MS = 500
"""The shortest down-after in use: a stall of that length looks like a dead master."""


def _ping(server: Server) -> Judgement:
    yield found(server.refusal or f"{server.ping:.1f} ms", milliseconds=round(server.ping, 3))
    if server.refusal:
        yield failed(server.hint)
    if server.ping > SLOW_PING_MS:
        yield warning("see latency below")


def _round_trip(server: Server) -> Judgement:
    probe = server.probe
    if probe is None:
        yield found("it stopped answering")
        yield failed("it answered before: look again, it is busy or the way to it is")
        return
    yield found(
        f"p50 {probe.p50:.2f} ms, p99 {probe.p99:.2f} ms of {probe.count} PINGs",
        count=probe.count,
        p50_milliseconds=round(probe.p50, 3),
        p99_milliseconds=round(probe.p99, 3),
    )
    if probe.p99 > SLOW_PING_MS:
        way = "a busy host, or a long way to it: redis-cli --latency on its host tells which"
        yield warning(f"slow commands (slow log), {way}")


def _memory(server: Server) -> Judgement:
    used, peak, limit = (server.count(name) for name in ("used_memory", "used_memory_peak", "maxmemory"))
    ratio, waste = real(server.field("mem_fragmentation_ratio")) or 1.0, server.count("mem_fragmentation_bytes")
    kept = server.node.purpose != "cache"
    yield found(
        f"{size(used)} of {size(limit) if limit else 'no limit'}, peak {size(peak)}, fragmentation {ratio:.2f}",
        used_bytes=used,
        peak_bytes=peak,
        limit_bytes=limit or None,
        fragmentation_ratio=ratio,
        fragmentation_bytes=waste,
    )
    if not limit:
        yield warning("set maxmemory below what its host or container has: else the kernel ends it when full")
    if kept and used >= FULL * limit:
        yield failed("nearly full: writes will be refused; raise maxmemory, or delete or expire keys")
    if kept and used >= NEARLY_FULL * limit:
        yield warning("filling up: raise maxmemory, or see what grows: redis-cli --bigkeys")
    if waste > WASTE_BYTES and ratio > WASTE_RATIO:
        yield warning(f"{size(waste)} are lost to fragmentation: CONFIG SET activedefrag yes, or restart it")
    if used > WASTE_BYTES and 0 < ratio < SWAPPED_RATIO:
        yield warning("part of it is swapped out: give its host more memory")


def _policy(server: Server) -> Judgement:
    policy, purpose = server.field("maxmemory_policy") or "unknown", server.node.purpose
    shown = policy if purpose == "unknown" else f"{policy}, for {'a cache' if purpose == 'cache' else 'state'}"
    yield found(shown, policy=policy, purpose=purpose)
    if purpose == "cache" and policy == "noeviction":
        yield failed("a full cache refuses writes: use allkeys-lru")
    if purpose == "cache" and policy.startswith("volatile-"):
        yield warning("keys without an expiry are never evicted: use allkeys-lru, or let every key expire")
    if purpose == "state" and policy != "noeviction":
        hint = "sessions, queues and locks can vanish without a word: noeviction, and a server of its own for caches"
        yield failed(hint)
    if purpose == "unknown" and policy != "noeviction":
        yield warning("right for a cache (say --role cache), wrong for sessions, queues and locks")


def _evictions(server: Server) -> Judgement:
    evicted, up = server.count("evicted_keys"), server.count("uptime_in_seconds")
    purpose, policy = server.node.purpose, server.field("maxmemory_policy")
    yield found(f"{evicted} keys in {age(up)}", evicted_keys=evicted, uptime_seconds=up)
    if evicted and (purpose == "state" or (purpose == "unknown" and policy == "noeviction")):
        yield failed("state was lost: an evicting policy is or was set; find out by whom, and what misses the keys")


def _clients(server: Server) -> Judgement:
    names = ("connected_clients", "blocked_clients", "maxclients", "rejected_connections")
    connected, blocked, limit, rejected = (server.count(name) for name in names)
    yield found(
        f"{connected} connected{f' of {limit}' if limit else ''}, {blocked} blocked, {rejected} rejected",
        connected=connected,
        blocked=blocked,
        limit=limit or None,
        rejected=rejected,
    )
    if limit and connected >= FULL * limit:
        yield failed(f"new clients are about to be refused: {FULL_OF_CLIENTS.hint}")
    if any(server.increase(counter) for counter in CUT_OFF):
        cause = "they read too slowly or ask too much at once (client-output-buffer-limit)"
        yield warning(f"clients are cut off now: {cause}")
    if rejected or (limit and connected >= NEARLY_FULL * limit):
        yield warning("find who opens so many (CLIENT LIST), bound the pools of clients, or raise maxclients")


def _persistence(server: Server) -> Judgement:
    yield found(
        ", ".join(_persistence_shown(server)),
        aof=bool(server.count("aof_enabled")),
        aof_last_write=server.field(AOF_WRITE),
        aof_last_rewrite=server.field(AOF_REWRITE),
        last_bgsave=server.field(BGSAVE),
        delayed_fsyncs=server.count("aof_delayed_fsync"),
        loading=bool(server.count("loading")),
    )
    aof, purpose = server.count("aof_enabled"), server.node.purpose
    if server.count("loading"):
        yield failed("it answers nothing until it has read its data: wait")
    if not aof and purpose != "cache":
        hint = "a restart loses everything since the last snapshot: appendonly yes"
        yield Problem("failed" if purpose == "state" else "warning", hint)
    if aof and (server.field(AOF_WRITE) or "ok") != "ok":
        yield failed("writes are refused until the append-only file can be written: is the disk full?")
    if (server.field(AOF_REWRITE) or "ok") != "ok":
        yield failed("the append-only file grows without end: memory to fork, room on the disk? then BGREWRITEAOF")
    if (server.field(BGSAVE) or "ok") != "ok":
        yield failed("memory to fork, room on the disk? then BGSAVE")
    if server.increase("aof_delayed_fsync"):
        yield warning(SLOW_DISK)
    if aof and server.setting("appendfsync") == "no":
        yield warning(KERNEL_WRITES)


def _persistence_shown(server: Server) -> Iterator[str]:
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


def _cluster(server: Server) -> Judgement:
    if not isinstance(server.cluster, Cluster):
        return
    state, slots, lost = server.cluster.state, server.cluster.slots, server.cluster.lost
    rest = f"; out of reach: {', '.join(lost)}" if lost else ""
    shown = f"{state}, {slots} of {CLUSTER_SLOTS} slots are served{rest}"
    yield found(shown, state=state, slots_served=slots, nodes_lost=len(lost))
    if state != "ok" or slots < CLUSTER_SLOTS or lost:
        remedy = "start those nodes, or CLUSTER FORGET who is gone"
        yield failed(f"redis-cli --cluster check HOST:PORT says what is missing; {remedy}")


def _keys(server: Server) -> Judgement:
    keys = server.keys if isinstance(server.keys, int) else 0
    databases = {
        name: database
        for name, database in databases_of(server.reported).items()
        if name[2:].isdecimal() and whole(database.get("keys")) is not None
    }
    parts = [f"{name}: {value['keys']}, {count_of(value, 'expires')} expire" for name, value in databases.items()]
    counts = {name: count_of(database, "keys") for name, database in databases.items()}
    yield found(f"{keys} ({'; '.join(parts)})" if parts else str(keys), keys=keys, **counts)


def _latency(server: Server) -> Judgement:
    threshold = server.setting("latency-monitor-threshold")
    if threshold == "0":
        yield found("the latency monitor is off")
        yield warning("switch it on: CONFIG SET latency-monitor-threshold 100")
        return
    events = sorted(() if isinstance(server.events, NotPermitted) else server.events, key=lambda event: -event.worst)
    shown = [f"{it.name} {it.latest} ms (worst {it.worst} ms, {it.history} on record)" for it in events[:3]]
    none = f"no event{f' of {threshold} ms or more' if threshold else ''}"
    yield found(", ".join(shown) or none, **{f"{event.name}_worst_milliseconds": event.worst for event in events})
    for event in events:
        if _is_recent(server, event.at) and event.latest >= SLOW_EVENT_MS:
            remedy = f"what helps: LATENCY DOCTOR ({event.name})"
            yield warning(f"a stall like this looks like a dead master to sentinels; {remedy}")


def _slow_log(server: Server) -> Judgement:
    if server.setting("slowlog-log-slower-than") == "-1":
        yield found("it is off")
        yield warning("switch it on: CONFIG SET slowlog-log-slower-than 10000")
        return
    slow = server.slow if isinstance(server.slow, SlowLog) else SlowLog(0, ())
    recent = [command for command in slow.newest if _is_recent(server, command.at)]
    slowest = max(recent, key=lambda command: command.milliseconds, default=None)
    shown = "none within the last hour"
    if slowest:
        shown = f"{len(recent)} of the newest {len(slow.newest)} within the last hour; "
        shown += f"{slowest.command} took {slowest.milliseconds:.0f} ms"
    yield found(f"{slow.length} entries, {shown}", entries=slow.length, recent=len(recent))
    if slowest and slowest.milliseconds >= SLOW_PING_MS:
        yield warning("every other client waited meanwhile: redis-cli SLOWLOG GET shows what was asked")


def _is_recent(server: Server, at: int) -> bool:
    return server.now == 0 or server.now - at < RECENT_SECONDS


def _of_info(name: str, field: str, judge: Judge, *, every: bool = False) -> CheckRow[Server]:
    """Return a check of INFO that has nothing to go by without a field."""

    def answer(server: Server) -> object:
        if isinstance(server.info, NotPermitted):
            return server.info
        return True if whole(server.info.get(field)) is not None else NotPermitted(f"it tells no {field}")

    return _row(name, "INFO", answer, judge, every=every)


def _row(
    name: str, command: str, answer: Callable[[Server], object], judge: Judge, *, every: bool = False
) -> CheckRow[Server]:
    return CheckRow(name, command, lambda _, server: answer(server), lambda _, server: judge(server), every)


SERVER_CHECKS = (
    _row("ping", "PING", lambda _server: True, _ping),
    _row("round trip", "PING", lambda _server: True, _round_trip),
    _of_info("memory", "used_memory", _memory),
    _of_info("policy", "used_memory", _policy),
    _of_info("evictions", "evicted_keys", _evictions),
    _of_info("clients", "connected_clients", _clients),
    _of_info("persistence", "aof_enabled", _persistence, every=True),
    _row("cluster", "CLUSTER INFO and NODES", lambda server: server.cluster, _cluster),
    _row("keys", "INFO or DBSIZE", lambda server: server.keys, _keys),
    _row("latency", "LATENCY LATEST", lambda server: server.events, _latency),
    _row("slow log", "SLOWLOG GET", lambda server: server.slow, _slow_log),
)
