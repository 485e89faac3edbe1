"""What is judged of how a server keeps its data on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.redis.check_result import Check
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.second_look import grown
from optimus_ops.redis.values import count_of
from optimus_ops.text.units import age

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.check_result import Verdict
    from optimus_ops.redis.model import Server


def check_persistence(server: Server, info: Mapping[str, Any]) -> Check:
    """Judge the append-only file, snapshots, and whether the server is still reading them."""
    problems = list(_problems(server, info))
    worst: Verdict = "failed" if any(bad for bad, _hint in problems) else ("warning" if problems else "ok")
    return Check(
        server.node.name,
        "persistence",
        worst,
        ", ".join(_found(server, info)),
        "; ".join(hint for _bad, hint in problems),
        {
            "aof": bool(count_of(info, "aof_enabled")),
            "aof_last_write": str(info.get("aof_last_write_status", "")),
            "aof_last_rewrite": str(info.get("aof_last_bgrewrite_status", "")),
            "last_bgsave": str(info.get("rdb_last_bgsave_status", "")),
            "delayed_fsyncs": count_of(info, "aof_delayed_fsync"),
            "loading": bool(count_of(info, "loading")),
        },
    )


def _found(server: Server, info: Mapping[str, Any]) -> Iterator[str]:
    if count_of(info, "loading"):
        yield f"loading, {info.get('loading_loaded_perc', '?')} % done"
    if count_of(info, "aof_enabled"):
        fsync = _appendfsync(server)
        yield f"AOF on{f' ({fsync})' if fsync else ''}"
        yield f"last write {info.get('aof_last_write_status', 'unknown')}"
        yield f"last rewrite {info.get('aof_last_bgrewrite_status', 'unknown')}"
    else:
        yield "AOF off"
    saves = count_of(info, "rdb_saves")
    if saves or info.get("rdb_last_bgsave_status") != "ok":
        saved = max(server.now - count_of(info, "rdb_last_save_time"), 0) if server.now else 0
        yield f"last snapshot {info.get('rdb_last_bgsave_status', 'unknown')}{f' {age(saved)} ago' if saved else ''}"


def _problems(server: Server, info: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Give what is wrong: whether that is a failure, and what to do."""
    state = server.node.purpose == "state"
    if count_of(info, "loading"):
        yield True, "it answers nothing until it has read its data: wait"
    if not count_of(info, "aof_enabled") and server.node.purpose != "cache":
        yield state, "a restart loses everything since the last snapshot: appendonly yes"
    if count_of(info, "aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        yield True, "writes are refused until the append-only file can be written: is the disk full?"
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield True, "the append-only file grows without end: memory to fork, room on the disk? then BGREWRITEAOF"
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield True, "memory to fork, room on the disk? then BGSAVE"
    if grown(server, "aof_delayed_fsync"):
        yield False, "its disk is slower than what is written: what is acknowledged meanwhile may be lost with the host"
    if count_of(info, "aof_enabled") and _appendfsync(server) == "no":
        yield False, "the kernel chooses when to write: up to 30 s are lost with the host; use appendfsync everysec"


def _appendfsync(server: Server) -> str:
    return "" if isinstance(server.config, NotPermitted) else server.config.get("appendfsync", "")
