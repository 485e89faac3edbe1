"""From everything that was observed to the verdicts, in the order in which a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.redis import copy_checks, replication_checks, sentinel_checks
from optimus_ops.redis.server_checks import check_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.redis.check_result import Check
    from optimus_ops.redis.model import Server, Topology


def run_checks(topology: Topology) -> tuple[Check, ...]:
    """Return a verdict for each check: server by server, sentinel by sentinel, then what they are together."""
    return (
        *(check for server in topology.servers for check in _of_server(topology, server)),
        *(check for one in topology.sentinels for check in sentinel_checks.check_sentinel(topology, one)),
        *replication_checks.check_group(topology),
        *sentinel_checks.check_group(topology),
    )


def _of_server(topology: Topology, server: Server) -> Iterator[Check]:
    yield from check_server(server)
    if server in topology.members:
        yield from replication_checks.check_member(topology, server)
        yield from copy_checks.check_copies(topology, server)
        yield from replication_checks.check_min_replicas(topology, server)
        yield from replication_checks.check_config_file(topology, server)
