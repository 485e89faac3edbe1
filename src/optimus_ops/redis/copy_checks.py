"""Checks of full copies: a replica that starts copying again and again is never complete."""

from __future__ import annotations

from optimus_ops.redis.check_rules import CheckRow, Judgement, failed, found, warning
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.values import whole
from optimus_ops.text.units import age, size

SMALL_BACKLOG = 1024**2
"""Redis' default. What is written while a replica is away must fit in, or the replica copies everything."""
DEFAULT_LIMIT = 256 * 1024**2
"""Redis' default for what may wait for a replica."""
RESTLESS = 3
"""More full copies per replica than starts and failovers explain, where others are under way."""
MANY = 10
"""So many per replica are worth a look in any case."""
LOOP_SECONDS = 60
"""Full copies that come more often than this, on average since the start, are a loop."""
CUT = "client_output_buffer_limit_disconnections"
MISSED = "sync_partial_err"


def _copies(topology: Topology, server: Server) -> tuple[int, int] | None:
    """Return a master's full copies and replicas; None where there are neither, or it does not tell."""
    own = server.known_replication
    if own is None or own.master is not None:
        return None
    copies = whole(server.field("sync_full"))
    replicas = max(len(own.replicas), len(topology.members) - 1 if topology.sentinels else 0)
    return None if copies is None or not (copies or replicas) else (copies, replicas)


def _full_copies(topology: Topology, server: Server) -> Judgement:
    counted = _copies(topology, server)
    if counted is None:
        return
    copies, replicas = counted[0], max(counted[1], 1)
    more, up = server.increase("sync_full"), server.count("uptime_in_seconds")
    seconds = max(server.increase("server_time_usec") / 1e6, 1)
    yield found(
        f"{copies} in {age(up)}" + (f", {more} more within {seconds:.0f} s" if more else ""),
        sync_full=copies,
        sync_full_grown=more,
        sync_partial_err=server.count(MISSED),
        output_buffer_disconnections=whole(server.field(CUT)),
    )
    often = copies + more > RESTLESS * replicas
    restless = more or any(member.known_replication and member.known_replication.copying for member in topology.members)
    if often and (more > 1 or (restless and up < LOOP_SECONDS * copies)):
        yield failed(f"replicas copy everything again and again, and none is ever complete: {_cause(server)}")
    if copies > MANY * replicas:
        yield warning(f"replicas often copied everything: {_cause(server)}")


def _cause(server: Server) -> str:
    """Return why copies are not enough, and what to do; what grew between both samples takes precedence."""
    limit, backlog, used = (
        _replica_limit(server),
        whole(server.setting("repl-backlog-size")),
        server.count("used_memory"),
    )
    cut, missed = server.increase(CUT), server.increase(MISSED)
    narrow = 0 < limit < used
    if cut or (narrow and not missed) or (server.count(CUT) and not missed and not server.count(MISSED)):
        given = f" ({size(limit)})" if limit else ""
        wanted = f"{-(-max(4 * limit, used, DEFAULT_LIMIT) // 1024**2)}mb"
        return (
            f"what is written meanwhile exceeds client-output-buffer-limit replica{given}, and they are cut off: "
            f'CONFIG SET client-output-buffer-limit "replica {wanted} {wanted} 60"'
        )
    if missed or server.count(MISSED):
        given = f" ({size(backlog)})" if backlog else ""
        return (
            f"the backlog{given} holds less than is written while they are away: CONFIG SET repl-backlog-size 64mb, "
            "and find out why their links break (repl-timeout, network)"
        )
    return (
        "their links break meanwhile (repl-timeout, network), or they can't load it (memory, disk): their logs say more"
    )


def _replica_limit(server: Server) -> int:
    """Return the hard limit of bytes that wait for a replica; 0 for none, or where it is not told.

    The setting: CLASS HARD SOFT SECONDS …; https://redis.io/docs/latest/develop/reference/clients/
    """
    words = server.setting("client-output-buffer-limit").split()
    limits = dict(zip(words[::4], words[1::4], strict=False))
    return whole(limits.get("replica", limits.get("slave"))) or 0


def _backlog(topology: Topology, server: Server) -> Judgement:
    backlog = whole(server.setting("repl-backlog-size"))
    if backlog is None or _copies(topology, server) is None:
        return
    yield found(size(backlog), bytes=backlog)
    if backlog < SMALL_BACKLOG:
        away = "a replica that was away for longer than it holds copies everything"
        yield warning(f"{away}: CONFIG SET repl-backlog-size 64mb")


COPY_CHECKS: tuple[CheckRow[Server], ...] = (
    CheckRow("full copies", "INFO", _copies, _full_copies),
    CheckRow("backlog", "CONFIG GET", _copies, _backlog),
)
