"""All checks of a topology, in the order in which people read them."""

from __future__ import annotations

from optimus_ops.checks.model import Check
from optimus_ops.errors import Refused
from optimus_ops.redis import replication_checks, sentinel_checks
from optimus_ops.redis.check_rules import check_rows
from optimus_ops.redis.model import Topology
from optimus_ops.redis.replication_checks import MEMBER_CHECKS
from optimus_ops.redis.server_checks import SERVER_CHECKS


def run_checks(topology: Topology) -> tuple[Check, ...]:
    """Return every check: server by server, sentinel by sentinel, then what they are together."""
    members = {server.node for server in topology.members}
    return (
        *(
            check
            for server in topology.servers
            for check in check_rows(
                (*SERVER_CHECKS, *(MEMBER_CHECKS if server.node in members else ())), topology, server
            )
        ),
        *(check for sentinel in topology.sentinels for check in sentinel_checks.check_sentinel(topology, sentinel)),
        *replication_checks.check_group(topology),
        *sentinel_checks.check_group(topology),
    )


def failed_checks(topology: Topology) -> tuple[Check, ...]:
    """Return the failed checks of a group; caches beside it don't count."""
    beside = {server.node.name for server in topology.servers if server not in topology.members}
    return tuple(check for check in run_checks(topology) if check.verdict == "failed" and check.subject not in beside)


def refuse_unhealthy(topology: Topology, hint: str) -> None:
    """Raise `Refused` with the failed checks of a group that has sentinels."""
    failed = failed_checks(topology)
    if topology.sentinels and failed:
        shown = "\n    ".join(f"{check.subject} {check.name}: {check.found}" for check in failed)
        raise Refused(f"{len(failed)} checks fail:\n    {shown}", hint)
