"""A cluster, as one of its nodes sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimus_ops.redis.client import ask
from optimus_ops.redis.model import Cluster, NotPermitted
from optimus_ops.redis.values import count_of, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

LOST = frozenset({"fail", "fail?", "noaddr"})
"""Flags in CLUSTER NODES (https://redis.io/docs/latest/commands/cluster-nodes/) of nodes that can't be reached."""


def observe_cluster(client: Any, info: Mapping[str, Any] | NotPermitted) -> Cluster | NotPermitted | None:
    """Ask a node for the state of its cluster; None where it is no node of one."""
    if isinstance(info, NotPermitted):
        return None
    if not whole(info.get("cluster_enabled")) and "cluster" not in {info.get("redis_mode"), info.get("server_mode")}:
        return None
    # As two words: redis-py reads the answer of a command that it knows its own way.
    return ask(lambda: _cluster(client.execute_command("CLUSTER", "INFO"), client.execute_command("CLUSTER", "NODES")))


def _cluster(info: str, nodes: str) -> Cluster:
    state = dict(line.partition(":")[::2] for line in info.splitlines())
    lost = []
    for line in nodes.splitlines():
        _id, address, flags = line.split()[:3]
        if LOST & set(flags.split(",")):
            # ADDRESS:PORT@BUSPORT,NAME
            lost.append(address.partition("@")[0])
    return Cluster(state["cluster_state"].strip(), count_of(state, "cluster_slots_ok"), tuple(sorted(lost)))
