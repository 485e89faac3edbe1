"""The stack's Redis as a drill needs it, and what it must be like before anything is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.drill.nodes import Group, Peer
from optimus_ops.redis.model import NotPermitted, monitored_masters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.checks.model import Check
    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.redis.model import MonitoredMaster, Server, Topology

ALLOWED = "allowed"
MARK_HINT = (
    "a drill kills servers and may lose writes. Where that may be, say so and start again: "
    "OPTIMUS_DRILL=allowed invoke scale --sentinel"
)


def marked(containers: tuple[RedisContainer, ...], project: str) -> tuple[RedisContainer, ...]:
    """Return the servers and sentinels that may be broken.

    Raises:
        Refused: there are no sentinels, or one of them is not marked as allowed to be drilled.
    """
    found = tuple(one for one in containers if one.role != "cache")
    if not any(one.role == "sentinel" for one in found):
        raise Refused(f"{project} has no sentinels: nobody would take over", "invoke scale --sentinel")
    unmarked = [one.service_name for one in found if one.drill != ALLOWED]
    if unmarked:
        raise Refused(f"{project} is not marked as allowed to be drilled: {', '.join(unmarked)}", MARK_HINT)
    return found


def read_group(place: StackDeployment, topology: Topology) -> Group:
    """Return the group that is drilled.

    Raises:
        Refused: it is none that may be drilled.
    """
    containers = marked(place.containers(), place.project)
    peers = {one.service_name: _peer(place, one) for one in containers}
    seen = monitored_masters(topology.sentinels)
    return Group(
        project=place.project,
        servers={one.service_name: peers[one.service_name] for one in containers if one.role == "state"},
        sentinels={one.service_name: peers[one.service_name] for one in containers if one.role == "sentinel"},
        version=", ".join(sorted({server.version for server in topology.members})),
        master=topology.master,
        down_after=_quorum_down_after(seen),
        down_afters=tuple(sorted(watch.down_after / 1000 for watch in seen)),
        failover_timeout=max(watch.failover_timeout for watch in seen) / 1000,
        max_lag=_max_lag(topology),
    )


def _quorum_down_after(seen: Sequence[MonitoredMaster]) -> float:
    times = sorted(watch.down_after for watch in seen)
    return times[min(seen[0].quorum, len(times)) - 1] / 1000


def unhealthy(topology: Topology) -> tuple[Check, ...]:
    """Return the checks of the group that fail; single caches beside it don't matter."""
    beside = {server.node.name for server in topology.servers if server not in topology.members}
    return tuple(check for check in run_checks(topology) if check.verdict == "failed" and check.subject not in beside)


def not_whole(topology: Topology) -> str:
    """Return what is missing before a master may be lost again; "" if nothing is."""
    failed = unhealthy(topology)
    if failed:
        return f"{failed[0].subject} {failed[0].name}: {failed[0].found}"
    # One that started without data, or may be behind, is no candidate until it has a copy.
    waiting = [server.node.name for server in topology.members if not _candidate(server)]
    return f"{', '.join(waiting)} may not be promoted yet" if waiting else ""


def _candidate(server: Server) -> bool:
    return isinstance(server.replication, NotPermitted) or server.replication.priority != 0


def refuse_unhealthy(topology: Topology) -> None:
    """Refuse to break what is broken already.

    Raises:
        Refused: naming the checks that fail.
    """
    failed = unhealthy(topology)
    if failed:
        shown = "\n    ".join(f"{check.subject} {check.name}: {check.found}" for check in failed)
        raise Refused(f"{len(failed)} checks fail:\n    {shown}", "a drill begins healthy: invoke validate-redis")


def _peer(place: StackDeployment, one: RedisContainer) -> Peer:
    return Peer(one.service_name, one.id, one.node.address.host, one.port, place.credentials(one))


def _max_lag(topology: Topology) -> float | None:
    """Return the lag that every server allows, where each refuses writes without replicas."""
    lags = []
    for server in topology.members:
        config = {} if isinstance(server.config, NotPermitted) else server.config
        if int(config.get("min-replicas-to-write", 0)) < 1:
            return None
        lags.append(float(config.get("min-replicas-max-lag", 10)))
    return max(lags, default=None)
