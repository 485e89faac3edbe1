"""What is judged of servers that replicate with each other: one master, every replica on it, how far behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.redis.check_result import Check, not_allowed, worst
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.redundancy import GROUP, check_redundancy, lacks_data
from optimus_ops.redis.values import count_of, whole
from optimus_ops.text.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.redis.check_result import Figure, Verdict
    from optimus_ops.redis.model import Attached, Replication, Server, Topology

BEHIND_BYTES = 1024**2
"""The default replication backlog: a replica further behind copies everything anew after a short break."""
LAG_SECONDS, LOST_SECONDS = 2, 10
"""A replica acknowledges each second; after ten seconds it no longer counts for min-replicas-to-write by default."""
SILENT_SECONDS = 20
"""A master says something at least every ten seconds (repl-ping-replica-period)."""
BEST_LAG = 10

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
RESET = "on one sentinel after the other, half a minute apart: SENTINEL RESET"

Problem = tuple["Verdict", str]


def check_group(topology: Topology) -> Iterator[Check]:
    """Judge the members together; nothing is said where none of them told its role."""
    seen = [server for server in topology.members if server.role]
    masters = [server for server in seen if server.role == "master"]
    replicas = [server for server in seen if server.role == "replica"]
    if not seen or not (topology.sentinels or replicas):
        return
    names = ", ".join(server.node.name for server in masters)
    found = f"{len(masters)} master{'s' * (len(masters) != 1)}{f' ({names})' * bool(masters)}, {len(replicas)} replicas"
    figures = {"masters": len(masters), "replicas": len(replicas)}
    unseen = any(not server.unreachable_reason and not server.role for server in topology.members)
    if len(masters) == 1:
        yield Check(GROUP, "one master", "ok", found, figures=figures)
    elif masters:
        hint = "two histories of the same data: save both (redis.backup), then REPLICAOF the one that sentinels name"
        yield Check(GROUP, "one master", "failed", found, hint, figures)
    elif topology.sentinels and not unseen:
        hint = "no server takes writes: wait for a fail-over, or see above why sentinels make none"
        yield Check(GROUP, "one master", "failed", found, hint, figures)
    if topology.sentinels and not unseen:
        yield check_redundancy(replicas, masters[0] if len(masters) == 1 else None)


def check_member(topology: Topology, server: Server) -> Iterator[Check]:
    """Judge a server's part in replication."""
    if server.unreachable_reason:
        return
    if isinstance(server.replication, NotPermitted):
        yield not_allowed(server.node.name, "replication", server.replication, "INFO or ROLE")
        return
    if server.replication.master is None:
        yield _check_master(topology, server, server.replication)
    else:
        yield _check_replica(topology, server, server.replication)


def _check_master(topology: Topology, server: Server, own: Replication) -> Check:
    problems: list[Problem] = []
    for one in own.replicas:
        problems.extend((verdict, f"{topology.addresses.shown(one.address)} {text}") for verdict, text in _lag(one))
    if topology.sentinels:
        problems.extend(_missing(topology, server, own))
    lag = max((one.lag for one in own.replicas if one.lag is not None), default=None)
    behind = max((one.behind for one in own.replicas), default=None)
    found = f"master, {len(own.replicas)} replicas attached"
    if own.replicas:
        found += f", at most {size(behind or 0)}{f' and {lag} s' if lag is not None else ''} behind"
    figures: dict[str, Figure] = {
        "role": "master",
        "attached": len(own.replicas),
        "behind_bytes": behind,
        "lag_seconds": lag,
    }
    return _judged(server, found, problems, figures)


def _missing(topology: Topology, server: Server, own: Replication) -> Iterator[Problem]:
    """Give the members that are not attached to their master."""
    known = topology.addresses
    attached = {known.canonical(one.address) for one in own.replicas}
    for other in topology.members:
        at = known.canonical(other.node.address)
        # A master may know several replicas by addresses that nobody else has for them, but not too few of them.
        enough = len(own.replicas) >= len(topology.members) - 1
        if other is server or at in attached or (enough and _has_stream_of(other, own)):
            continue
        way_out = (
            f"; if it is gone for good: {RESET} {other.node.listed}"
            if other.unreachable_reason and other.node.listed
            else ""
        )
        yield "failed", f"{other.node.name} is not attached to it{way_out}"


def _has_stream_of(server: Server, master: Replication) -> bool:
    own = server.replication
    if server.unreachable_reason or isinstance(own, NotPermitted) or own.master is None:
        return False
    return bool(own.link_up and own.history) and own.history == master.history


def _follows_itself(topology: Topology, server: Server, own: Replication) -> bool:
    """Tell whether its master is itself, by one of its addresses or by the loopback of its own host."""
    assert own.master is not None  # noqa: S101 - that is what makes it a replica
    if topology.addresses.same(own.master, server.node.address):
        return True
    elsewhere = any(topology.addresses.same(own.master, one.node.address) for one in topology.servers)
    port = server.node.address.port if isinstance(server.info, NotPermitted) else count_of(server.info, "tcp_port")
    return not elsewhere and not own.link_up and own.master.host in LOOPBACK and own.master.port == port


def _lag(one: Attached) -> Iterator[Problem]:
    if not one.online:
        yield "warning", "is copying the data: wait until it has it all, unless full copies says that it never will"
    elif one.lag is not None and one.lag > LOST_SECONDS:
        yield "failed", f"acknowledged nothing for {one.lag} s: is it, or the network to it, busy or gone?"
    elif (one.lag is not None and one.lag > LAG_SECONDS) or one.behind > BEHIND_BYTES:
        yield "warning", f"is {size(one.behind)} and {one.lag} s behind: what is not there is lost with the master"


def _check_replica(topology: Topology, server: Server, own: Replication) -> Check:
    assert own.master is not None  # noqa: S101 - that is what makes it a replica
    problems: list[Problem] = []
    masters = [one for one in topology.members if one.role == "master"]
    if _follows_itself(topology, server, own):
        whom = masters[0].node.address if len(masters) == 1 else None
        there = f"REPLICAOF {whom.host} {whom.port}" if whom else "REPLICAOF HOST PORT of its master"
        problems.append(("failed", f"it follows itself ({own.master}): {there}, or NO ONE if it is to be the master"))
    elif len(masters) == 1 and not topology.addresses.same(own.master, masters[0].node.address):
        there = topology.addresses.shown(own.master)
        problems.append(("failed", f"it follows {there} and not {masters[0].node.name}: REPLICAOF sets that right"))
    if own.syncing:
        problems.append(
            (
                "warning",
                "it is copying the whole data set: wait, unless full copies of its master says that it never ends",
            )
        )
    elif own.link_up is False:
        problems.append(("failed", "no link to its master: password (masteruser, masterauth), address, network?"))
    if len(masters) == 1 and own.link_up and not own.syncing and lacks_data(server, masters[0]):
        keys = f"{server.keys} of {masters[0].keys} keys of {masters[0].node.name}"
        problems.append(("failed", f"it has {keys}: it is no copy; stop it, empty its data folder, start it"))
    if own.read_only is False:
        problems.append(("failed", "it takes writes that its master never gets: replica-read-only yes"))
    if own.silent is not None and own.silent > SILENT_SECONDS:
        problems.append(("warning", f"it heard nothing from its master for {own.silent} s"))
    if own.priority == 0:
        problems.append(("warning", "replica-priority 0: it is never promoted"))
    link = "up" if own.link_up else "down"
    heard = "" if own.silent is None else f", heard of {own.silent} s ago"
    found = f"replica of {topology.addresses.shown(own.master)}, link {link}{heard}"
    figures: dict[str, Figure] = {
        "role": "replica",
        "master": str(own.master),
        "link_up": own.link_up,
        "silent_seconds": own.silent,
        "offset": own.offset,
    }
    return _judged(server, found, problems, figures)


def _judged(server: Server, found: str, problems: list[Problem], figures: dict[str, Figure]) -> Check:
    verdict = worst(verdict for verdict, _text in problems)
    hint = "; ".join(text for _verdict, text in problems)
    return Check(server.node.name, "replication", verdict, found, hint, figures)


def check_min_replicas(topology: Topology, server: Server) -> Iterator[Check]:
    """Judge how many replicas a master must have to take writes: what bounds the writes lost in a partition."""
    if server.unreachable_reason or not (topology.sentinels or _min_replicas(server)):
        return
    name = server.node.name
    if isinstance(server.config, NotPermitted):
        yield not_allowed(name, "min-replicas", server.config, "CONFIG GET")
        return
    if whole(server.config.get("min-replicas-to-write")) is None:
        yield not_allowed(name, "min-replicas", NotPermitted("it does not tell"), "CONFIG GET min-replicas-to-write")
        return
    wanted = _min_replicas(server)
    lag = count_of(server.config, "min-replicas-max-lag")
    replicas = len(topology.members) - 1 if topology.sentinels else 0
    found = f"writes need {wanted} replicas that answered within {lag} s"
    figures = {"min_replicas_to_write": wanted, "max_lag_seconds": lag, "replicas": replicas}
    if not wanted or not lag:
        hint = "cut off, an old master goes on acknowledging writes that are lost: min-replicas-to-write 1, max-lag 2"
        yield Check(name, "min-replicas", "warning", "off", hint, figures)
    elif _refuses_writes(server, wanted):
        hint = "writes are refused now: bring its replicas back, or lower min-replicas-to-write"
        yield Check(name, "min-replicas", "failed", found, hint, figures)
    elif topology.sentinels and wanted >= replicas:
        hint = f"there are {replicas}: the loss of one stops all writes; min-replicas-to-write {max(replicas - 1, 0)}"
        yield Check(name, "min-replicas", "failed", found, hint, figures)
    elif lag > BEST_LAG:
        hint = f"a master that is cut off acknowledges for {lag} s writes that are lost: min-replicas-max-lag 2"
        yield Check(name, "min-replicas", "warning", found, hint, figures)
    else:
        yield Check(name, "min-replicas", "ok", found, figures=figures)


def _min_replicas(server: Server) -> int:
    return 0 if isinstance(server.config, NotPermitted) else count_of(server.config, "min-replicas-to-write")


def _refuses_writes(server: Server, wanted: int) -> bool:
    own = server.replication
    if isinstance(own, NotPermitted) or own.master is not None or own.good_replicas is None:
        return False
    return own.good_replicas < wanted


def check_config_file(topology: Topology, server: Server) -> Iterator[Check]:
    """Judge whether a server keeps the role that sentinels give it: it must be able to rewrite its configuration."""
    if server.unreachable_reason or not topology.sentinels:
        return
    name = server.node.name
    if isinstance(server.info, NotPermitted):
        yield not_allowed(name, "config file", server.info, "INFO")
        return
    yield config_file_check(name, str(server.info.get("config_file", "")), server.rewritten, "CONFIG REWRITE")


def config_file_check(name: str, file: str, rewritten: str | NotPermitted | None, command: str) -> Check:
    """Judge a configuration file, of a server or a sentinel.

    Args:
        name: whose.
        file: its path; "" where it runs without one.
        rewritten: what the command answered; None if it was not tried.
        command: what rewrites the file.
    """
    figures: dict[str, Figure] = {"file": file, "tried": rewritten is not None}
    if not file:
        hint = "started without a file it forgets, at its next start, which role it was given: start it with one"
        return Check(name, "config file", "failed", "none", hint, figures)
    if rewritten is None:
        return Check(name, "config file", "ok", f"{file} (not tried: --try-rewrite tries {command})", figures=figures)
    if isinstance(rewritten, NotPermitted):
        return not_allowed(name, "config file", rewritten, command)
    if rewritten:
        hint = "it must be writable, in a writable folder, and no single-file mount (rename fails there with EBUSY)"
        return Check(name, "config file", "failed", f"{file}: {command} failed: {rewritten}", hint, figures)
    return Check(name, "config file", "ok", f"{file}, rewritten", figures=figures)
