"""What is judged of whole copies: a replica that begins anew again and again never is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.redis.check_result import Check
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.second_look import grown, seconds_between
from optimus_ops.redis.values import count_of, whole
from optimus_ops.text.units import age, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.check_result import Figure
    from optimus_ops.redis.model import Server, Topology

SMALL_BACKLOG = 1024**2
"""Redis' default. What is written while a replica is away must fit in, or the replica copies everything."""
DEFAULT_LIMIT = 256 * 1024**2
"""Redis' default for what may wait for a replica."""
RESTLESS = 3
"""So many whole copies for each replica are more than starts and fail-overs explain, where others are under way."""
MANY = 10
"""So many for each replica are worth a look, whatever goes on now."""
LOOP_SECONDS = 60
"""Whole copies that come more often than this, on average since the start, follow each other."""
CUT = "client_output_buffer_limit_disconnections"
MISSED = "sync_partial_err"


def check_copies(topology: Topology, server: Server) -> Iterator[Check]:
    """Judge how often a master's replicas copy everything, and what they need to go on instead."""
    own = server.replication
    if (
        server.unreachable_reason
        or isinstance(own, NotPermitted)
        or own.master is not None
        or isinstance(server.info, NotPermitted)
    ):
        return
    copies = whole(server.info.get("sync_full"))
    replicas = max(len(own.replicas), len(topology.members) - 1 if topology.sentinels else 0)
    if copies is None or not (copies or replicas):
        return
    yield from _check_full_copies(topology, server, server.info, copies, replicas)
    yield from _check_backlog(server)


def _check_full_copies(
    topology: Topology, server: Server, info: Mapping[str, Any], copies: int, replicas: int
) -> Iterator[Check]:
    more = grown(server, "sync_full")
    up = count_of(info, "uptime_in_seconds")
    found = f"{copies} in {age(up)}"
    found += f", {more} more within {max(seconds_between(server), 1):.0f} s" if more else ""
    figures: dict[str, Figure] = {
        "sync_full": copies,
        "sync_full_grown": more,
        "sync_partial_err": count_of(info, MISSED),
        "output_buffer_disconnections": whole(info.get(CUT)),
    }

    def made(verdict: Any, hint: str = "") -> Check:
        return Check(server.node.name, "full copies", verdict, found, hint, figures)

    each = max(replicas, 1)
    often = copies + more > RESTLESS * each
    restless = more or any(_copying(one) for one in topology.members)
    if often and (more > 1 or (restless and up < LOOP_SECONDS * copies)):
        yield made(
            "failed", f"replicas copy everything again and again, and none is ever complete: {_cause(server, info)}"
        )
    elif copies > MANY * each:
        yield made("warning", f"replicas often copied everything: {_cause(server, info)}")
    else:
        yield made("ok")


def _copying(server: Server) -> bool:
    own = server.replication
    if server.unreachable_reason or isinstance(own, NotPermitted):
        return False
    if own.master is not None:
        return own.syncing or not own.link_up
    return any(not one.online for one in own.replicas)


def _cause(server: Server, info: Mapping[str, Any]) -> str:
    """Name why copies are not enough, and what to do; what grew while we looked goes before what once was."""
    limit, backlog = _replica_limit(server), _backlog(server)
    used = count_of(info, "used_memory")
    cut, missed = grown(server, CUT), grown(server, MISSED)
    narrow = 0 < limit < used
    if cut or (narrow and not missed) or (count_of(info, CUT) and not missed and not count_of(info, MISSED)):
        given = f" ({size(limit)})" if limit else ""
        wanted = f"{-(-max(4 * limit, used, DEFAULT_LIMIT) // 1024**2)}mb"
        return (
            f"what is written meanwhile exceeds client-output-buffer-limit replica{given}, and they are cut off: "
            f'CONFIG SET client-output-buffer-limit "replica {wanted} {wanted} 60"'
        )
    if missed or count_of(info, MISSED):
        given = f" ({size(backlog)})" if backlog else ""
        return (
            f"the backlog{given} holds less than is written while they are away: CONFIG SET repl-backlog-size 64mb, "
            "and find out why their links break (repl-timeout, network)"
        )
    return (
        "their links break meanwhile (repl-timeout, network), or they can't load it (memory, disk): their logs say more"
    )


def _check_backlog(server: Server) -> Iterator[Check]:
    backlog = _backlog(server)
    if backlog is None:
        return
    figures: dict[str, Figure] = {"bytes": backlog}
    if backlog < SMALL_BACKLOG:
        hint = "a replica that was away for longer than it holds copies everything: CONFIG SET repl-backlog-size 64mb"
        yield Check(server.node.name, "backlog", "warning", size(backlog), hint, figures)
    else:
        yield Check(server.node.name, "backlog", "ok", size(backlog), figures=figures)


def _backlog(server: Server) -> int | None:
    return None if isinstance(server.config, NotPermitted) else whole(server.config.get("repl-backlog-size"))


def _replica_limit(server: Server) -> int:
    """Return the hard limit of bytes that wait for a replica; 0 for none, or where it is not told.

    The setting: CLASS HARD SOFT SECONDS …; https://redis.io/docs/latest/develop/reference/clients/
    """
    words = (
        [] if isinstance(server.config, NotPermitted) else server.config.get("client-output-buffer-limit", "").split()
    )
    limits = dict(zip(words[::4], words[1::4], strict=False))
    return whole(limits.get("replica", limits.get("slave"))) or 0
