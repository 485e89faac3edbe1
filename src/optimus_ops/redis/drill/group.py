"""The group that is drilled, and what it must be like before anything is broken."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.redis.checks import failed_checks
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.nodes import Group, RedisNode
from optimus_ops.redis.model import NotPermitted, Server, Topology, monitored_masters

ALLOWED = "allowed"
MARK_HINT = (
    "a drill kills servers and may lose writes. Where that may be, say so and start again: "
    "OPTIMUS_DRILL=allowed invoke scale --sentinel"
)


def drillable(containers: tuple[RedisContainer, ...], project: str) -> tuple[RedisContainer, ...]:
    """Return the servers and sentinels that may be broken.

    Raises:
        Refused: there are no sentinels, or one of them is not marked as allowed to be drilled.
    """
    found = tuple(container for container in containers if container.role != "cache")
    if not any(container.role == "sentinel" for container in found):
        raise Refused(f"{project} has no sentinels: nobody would take over", "invoke scale --sentinel")
    unmarked = [container.service_name for container in found if container.drill != ALLOWED]
    if unmarked:
        raise Refused(f"{project} is not marked as allowed to be drilled: {', '.join(unmarked)}", MARK_HINT)
    return found


def read_group(deployment: StackDeployment, containers: tuple[RedisContainer, ...], topology: Topology) -> Group:
    """Return the group of drillable containers as it was observed."""

    def nodes(role: str) -> dict[str, RedisNode]:
        return {
            container.service_name: RedisNode(
                container.service_name,
                container.id,
                container.node.address.host,
                container.port,
                deployment.credentials(container),
            )
            for container in containers
            if container.role == role
        }

    seen = monitored_masters(topology.sentinels)
    down_afters = sorted(watch.down_after / 1000 for watch in seen)
    return Group(
        project=deployment.project,
        servers=nodes("state"),
        sentinels=nodes("sentinel"),
        version=", ".join(sorted({server.version for server in topology.members})),
        master=topology.master,
        down_after=down_afters[min(seen[0].quorum, len(seen)) - 1],
        down_afters=tuple(down_afters),
        failover_timeout=max(watch.failover_timeout for watch in seen) / 1000,
        max_lag=_max_lag(topology),
    )


def _max_lag(topology: Topology) -> float | None:
    """Return the lag that every server allows, where each refuses writes without replicas."""
    lags = []
    for server in topology.members:
        config = {} if isinstance(server.config, NotPermitted) else server.config
        if int(config.get("min-replicas-to-write", 0)) < 1:
            return None
        lags.append(float(config.get("min-replicas-max-lag", 10)))
    return max(lags, default=None)


def unhealthy_reason(topology: Topology) -> str:
    """Return why the master must not be lost now; "" if it may."""
    failed = failed_checks(topology)
    if failed:
        return f"{failed[0].subject} {failed[0].name}: {failed[0].found}"
    # One that started without data, or may be behind, is no candidate until it has a copy.
    waiting = [server.node.name for server in topology.members if not _is_candidate(server)]
    return f"{', '.join(waiting)} may not be promoted yet" if waiting else ""


def _is_candidate(server: Server) -> bool:
    return isinstance(server.replication, NotPermitted) or server.replication.priority != 0


def refuse_unhealthy(topology: Topology) -> None:
    """Refuse to break what is broken already.

    Raises:
        Refused: naming the checks that fail.
    """
    failed = failed_checks(topology)
    if failed:
        shown = "\n    ".join(f"{check.subject} {check.name}: {check.found}" for check in failed)
        raise Refused(f"{len(failed)} checks fail:\n    {shown}", "a drill begins healthy: invoke validate-redis")
