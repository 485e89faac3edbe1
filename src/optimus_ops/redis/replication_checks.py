"""Checks of servers that replicate: one master, every replica on it, how far behind, and who could take over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimus_ops.checks.model import Check
from optimus_ops.redis.check_rules import (
    CheckRow,
    Judgement,
    Problem,
    conclude,
    config_file,
    failed,
    forget,
    found,
    warning,
)
from optimus_ops.redis.copy_checks import COPY_CHECKS
from optimus_ops.redis.model import Attached, Replication, Server, Topology
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.values import keys_of, whole
from optimus_ops.text.units import size

GROUP = "replication"
BEHIND_BYTES = 1024**2
"""The default replication backlog: a replica further behind copies everything anew after a short break."""
LAG_SECONDS, LOST_SECONDS = 2, 10
"""A replica acknowledges each second; after ten seconds it no longer counts for min-replicas-to-write by default."""
SILENT_SECONDS = 20
"""A master sends something at least every ten seconds (repl-ping-replica-period)."""
BEST_LAG = 10
HAS_DATA = 0.5
FEW = 10
"""Share of the master's keys, and keys beside: a replica may be some writes behind."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _replication(topology: Topology, server: Server) -> Judgement:
    own = server.known_replication
    if own is not None:
        yield from _master(topology, server, own) if own.master is None else _replica(topology, server, own, own.master)


def _master(topology: Topology, server: Server, own: Replication) -> Judgement:
    lag = max((replica.lag for replica in own.replicas if replica.lag is not None), default=None)
    behind = max((replica.behind for replica in own.replicas), default=None)
    shown = f"master, {len(own.replicas)} replicas attached"
    if own.replicas:
        shown += f", at most {size(behind or 0)}{f' and {lag} s' if lag is not None else ''} behind"
    yield found(shown, role="master", attached=len(own.replicas), behind_bytes=behind, lag_seconds=lag)
    for replica in own.replicas:
        yield from _lag(replica, topology.addresses.shown(replica.address))
    if topology.sentinels:
        yield from _missing(topology, server, own)


def _lag(replica: Attached, name: str) -> Iterator[Problem]:
    lag, behind = replica.lag or 0, replica.behind
    if not replica.online:
        endless = "unless full copies says that it never will"
        yield warning(f"{name} is copying the data: wait until it has it all, {endless}")
    elif lag > LOST_SECONDS:
        yield failed(f"{name} acknowledged nothing for {lag} s: is it, or the network to it, busy or gone?")
    elif lag > LAG_SECONDS or behind > BEHIND_BYTES:
        seconds = "" if replica.lag is None else f" and {lag} s"
        yield warning(f"{name} is {size(behind)}{seconds} behind: what is not there is lost with the master")


def _missing(topology: Topology, server: Server, own: Replication) -> Iterator[Problem]:
    """Yield a failure for each member that is not attached to its master."""
    known = topology.addresses
    attached = {known.canonical(replica.address) for replica in own.replicas}
    # A master may know several replicas by addresses that nobody else has for them, but not too few of them.
    enough = len(own.replicas) >= len(topology.members) - 1
    for other in topology.members:
        at = known.canonical(other.node.address)
        if other is not server and at not in attached and not (enough and _has_stream_of(other, own)):
            gone = forget(other) if other.unreachable_reason else ""
            yield failed(f"{other.node.name} is not attached to it{gone}")


def _has_stream_of(server: Server, master: Replication) -> bool:
    own = server.known_replication
    if own is None or own.master is None or not own.link_up:
        return False
    return bool(own.history) and own.history == master.history


def _replica(topology: Topology, server: Server, own: Replication, master: Address) -> Judgement:
    masters, shown = topology.of_role("master"), topology.addresses.shown(master)
    heard = "" if own.silent is None else f", heard of {own.silent} s ago"
    yield found(
        f"replica of {shown}, link {'up' if own.link_up else 'down'}{heard}",
        role="replica",
        master=str(master),
        link_up=own.link_up,
        silent_seconds=own.silent,
        offset=own.offset,
    )
    only = masters[0] if len(masters) == 1 else None
    if _follows_itself(topology, server, own, master):
        at = f"{only.node.address.host} {only.node.address.port}" if only else "HOST PORT of its master"
        yield failed(f"it follows itself ({master}): REPLICAOF {at}, or NO ONE if it is to be the master")
    elif only and not topology.addresses.same(master, only.node.address):
        yield failed(f"it follows {shown} and not {only.node.name}: REPLICAOF sets that right")
    if own.syncing:
        endless = "unless full copies of its master says that it never ends"
        yield warning(f"it is copying the whole data set: wait, {endless}")
    elif own.link_up is False:
        yield failed("no link to its master: password (masteruser, masterauth), address, network?")
    if only and own.link_up and not own.syncing and lacks_data(server, only):
        keys = f"{server.keys} of {only.keys} keys of {only.node.name}"
        yield failed(f"it has {keys}: it is no copy; stop it, empty its data folder, start it")
    if own.read_only is False:
        yield failed("it takes writes that its master never gets: replica-read-only yes")
    if own.silent is not None and own.silent > SILENT_SECONDS:
        yield warning(f"it heard nothing from its master for {own.silent} s")
    if own.priority == 0:
        yield warning("replica-priority 0: it is never promoted")


def _follows_itself(topology: Topology, server: Server, own: Replication, master: Address) -> bool:
    """Tell whether its master is itself, by one of its addresses or by the loopback of its own host."""
    same = topology.addresses.same
    if same(master, server.node.address):
        return True
    elsewhere = any(same(master, other.node.address) for other in topology.servers)
    return not elsewhere and not own.link_up and master.host in LOOPBACK and master.port == server.port


def _min_replicas_answer(topology: Topology, server: Server) -> object:
    """Return how many replicas a master needs to take writes, which bounds the writes lost in a partition."""
    if isinstance(server.config, NotPermitted):
        return server.config if topology.sentinels else None
    wanted = whole(server.setting("min-replicas-to-write"))
    if not (topology.sentinels or wanted):
        return None
    return NotPermitted("it does not tell") if wanted is None else wanted


def _min_replicas(topology: Topology, server: Server) -> Judgement:
    wanted, lag = (whole(server.setting(f"min-replicas-{name}")) or 0 for name in ("to-write", "max-lag"))
    replicas = len(topology.members) - 1 if topology.sentinels else 0
    shown = f"writes need {wanted} replicas that answered within {lag} s" if wanted and lag else "off"
    yield found(shown, min_replicas_to_write=wanted, max_lag_seconds=lag, replicas=replicas)
    if not wanted or not lag:
        lost = "cut off, an old master goes on acknowledging writes that are lost"
        yield warning(f"{lost}: min-replicas-to-write 1, max-lag 2")
    own = server.known_replication
    if own and own.master is None and own.good_replicas is not None and own.good_replicas < wanted:
        yield failed("writes are refused now: bring its replicas back, or lower min-replicas-to-write")
    if topology.sentinels and wanted >= replicas:
        remedy = f"min-replicas-to-write {max(replicas - 1, 0)}"
        yield failed(f"there are {replicas}: the loss of one stops all writes; {remedy}")
    if lag > BEST_LAG:
        lost = f"a master that is cut off acknowledges for {lag} s writes that are lost"
        yield warning(f"{lost}: min-replicas-max-lag 2")


MEMBER_CHECKS: tuple[CheckRow[Server], ...] = (
    CheckRow("replication", "INFO or ROLE", lambda _topology, server: server.replication, _replication, every=True),
    *COPY_CHECKS,
    CheckRow("min-replicas", "CONFIG GET min-replicas-to-write", _min_replicas_answer, _min_replicas),
    CheckRow(
        "config file",
        "INFO",
        lambda topology, server: server.info if topology.sentinels else None,
        lambda _topology, server: config_file(server.field("config_file"), server.rewritten, "CONFIG REWRITE"),
    ),
)


def check_group(topology: Topology) -> Iterator[Check]:
    """Check the members together; nothing is said where none of them tells its role."""
    masters, replicas = topology.of_role("master"), topology.of_role("replica")
    if not (masters or replicas) or not (topology.sentinels or replicas):
        return
    hidden = any(not server.unreachable_reason and not server.role for server in topology.members)
    watched = topology.sentinels and not hidden
    if masters or watched:
        yield from conclude(GROUP, "one master", _one_master(masters, replicas))
    if watched:
        yield from conclude(GROUP, "redundancy", _redundancy(replicas, masters[0] if len(masters) == 1 else None))


def _one_master(masters: list[Server], replicas: list[Server]) -> Judgement:
    names = f" ({_named(masters)})" if masters else ""
    shown = f"{len(masters)} master{'s' * (len(masters) != 1)}{names}, {len(replicas)} replicas"
    yield found(shown, masters=len(masters), replicas=len(replicas))
    if len(masters) > 1:
        remedy = "save both (redis.backup), then REPLICAOF the one that sentinels name"
        yield failed(f"two histories of the same data: {remedy}")
    if not masters:
        yield failed("no server takes writes: wait for a fail-over, or see above why sentinels make none")


def _redundancy(replicas: list[Server], master: Server | None) -> Judgement:
    """Judge whether the group survives the loss of its one master: a replica may take over, and has the data."""
    candidates = [server for server in replicas if server.known_replication and server.known_replication.priority != 0]
    empty = [server for server in candidates if lacks_data(server, master)]
    able = [server for server in candidates if server not in empty]
    if able:
        rest = f"; {_named(empty)} can't: without the data" if empty else ""
        yield found(f"{_named(able)} can take over{rest}")
    elif empty:
        yield found(f"no replica can take over from the master: {_named(empty)} without its data")
        meanwhile = "back the master up meanwhile (redis.backup)"
        yield failed(f"wait until the copy is complete, and see full copies above; {meanwhile}")
    elif replicas:
        yield found("no replica may take over from the master")
        most = max(replicas, key=_data).node.name
        yield failed(
            "replica-priority is 0 everywhere: wait until they have their copies; where no master comes back, make the"
            f" one with the most data a candidate: CONFIG SET replica-priority 100 at {most}"
        )
    else:
        yield found("no replica can take over from the master")
        yield failed("give the master a replica, with replica-priority above 0")


def _named(servers: Iterable[Server]) -> str:
    return ", ".join(server.node.name for server in servers)


def lacks_data(replica: Server, master: Server | None) -> bool:
    """Tell whether a replica has too few of its master's keys to have its data, in both samples."""
    if master is None or isinstance(replica.keys, NotPermitted) or isinstance(master.keys, NotPermitted):
        return False
    samples = [(replica.keys, master.keys)]
    if replica.second_sample is not None and master.second_sample is not None:
        samples.append((keys_of(replica.second_sample), keys_of(master.second_sample)))
    return all(has == 0 < total or has < total * HAS_DATA - FEW for has, total in samples)


def _data(server: Server) -> tuple[int, int]:
    own = server.known_replication
    return own.offset if own else 0, 0 if isinstance(server.keys, NotPermitted) else server.keys
