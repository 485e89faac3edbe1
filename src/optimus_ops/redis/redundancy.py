"""Whether a replica could take over from its master: it may, and it has the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from optimus_ops.redis.check_result import Check
from optimus_ops.redis.model import NotPermitted
from optimus_ops.redis.values import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.redis.model import Server

GROUP = "replication"
HAS_DATA = 0.5
FEW = 10
"""Share of the master's keys, and keys beside: a replica may be some writes behind."""


def check_redundancy(replicas: list[Server], master: Server | None) -> Check:
    """Judge whether the group survives the loss of its master.

    Args:
        replicas: those that answer.
        master: the one master; None where there is none, or several.
    """
    candidates = [server for server in replicas if _priority(server) != 0]
    empty = [server for server in candidates if lacks_data(server, master)]
    able = [server for server in candidates if server not in empty]
    if able:
        rest = f"; {_named(empty)} can't: without the data" if empty else ""
        return Check(GROUP, "redundancy", "ok", f"{_named(able)} can take over{rest}")
    if empty:
        found = f"no replica can take over from the master: {_named(empty)} without its data"
        hint = "wait until the copy is complete, and see full copies above; back the master up meanwhile (redis.backup)"
        return Check(GROUP, "redundancy", "failed", found, hint)
    if replicas:
        most = max(replicas, key=_data)
        hint = (
            "replica-priority is 0 everywhere: wait until they have their copies; where no master comes back, make the"
            f" one with the most data a candidate: CONFIG SET replica-priority 100 at {most.node.name} (in its"
            " container: sh /etc/optimus/redis/cli.sh config set replica-priority 100)"
        )
        return Check(GROUP, "redundancy", "failed", "no replica may take over from the master", hint)
    hint = "give the master a replica, with replica-priority above 0"
    return Check(GROUP, "redundancy", "failed", "no replica can take over from the master", hint)


def _named(servers: Iterable[Server]) -> str:
    return ", ".join(server.node.name for server in servers)


def lacks_data(replica: Server, master: Server | None) -> bool:
    """Tell whether a replica has so few of its master's keys that it can't have its data, in both looks."""
    if master is None or isinstance(replica.keys, NotPermitted) or isinstance(master.keys, NotPermitted):
        return False
    looks = [(replica.keys, master.keys)]
    if isinstance(replica.second_info, Mapping) and isinstance(master.second_info, Mapping):
        looks.append((keys_of(replica.second_info), keys_of(master.second_info)))
    return all(has == 0 < all_of_them or has < all_of_them * HAS_DATA - FEW for has, all_of_them in looks)


def _data(server: Server) -> tuple[int, int]:
    offset = 0 if isinstance(server.replication, NotPermitted) else server.replication.offset
    return offset, 0 if isinstance(server.keys, NotPermitted) else server.keys


def _priority(server: Server) -> int | None:
    return None if isinstance(server.replication, NotPermitted) else server.replication.priority
