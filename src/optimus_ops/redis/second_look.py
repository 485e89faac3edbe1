"""Looking at counters a second time: one figure tells what once was, two tell what goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from optimus_ops.redis.client import ODD, reason
from optimus_ops.redis.deadline_gather import ask_together
from optimus_ops.redis.model import NotPermitted, Replication
from optimus_ops.redis.values import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optimus_ops.redis.model import Node, Server, Topology

PATIENCE_SECONDS = 4.0
"""For which a master with restless replicas is watched: a replica tries again each second."""
POLL_SECONDS = 0.5
ENOUGH = 2
"""Copies that begin while we look, after which nobody needs to look longer."""


def look_again(topology: Topology, connect: Callable[[Node], Any], *, patience: float = PATIENCE_SECONDS) -> Topology:
    """Return what was observed, with what each server's INFO says by now.

    Args:
        topology: the first look.
        connect: makes a client of a server.
        patience: seconds for which masters are watched where replicas are copying or without a link.
    """
    waits = patience if any(_restless(one) for one in topology.members) else 0.0
    asked = {
        one.node: partial(_again, one, partial(connect, one.node), waits if one.role == "master" else 0.0)
        for one in topology.servers
        if not one.unreachable_reason and not isinstance(one.info, NotPermitted)
    }
    found = ask_together(asked, seconds=patience + 2.0, late=lambda _node: None)
    servers = tuple(replace(one, second_info=found.get(one.node)) for one in topology.servers)
    return replace(topology, servers=servers)


def _restless(server: Server) -> bool:
    own = server.replication
    if server.unreachable_reason or not isinstance(own, Replication):
        return False
    if own.master is not None:
        return own.syncing or not own.link_up
    copied = 0 if isinstance(server.info, NotPermitted) else count_of(server.info, "sync_full")
    return any(not one.online for one in own.replicas) or copied > len(own.replicas) + ENOUGH


def _again(server: Server, connect: Callable[[], Any], patience: float) -> Mapping[str, Any] | NotPermitted:
    before = 0 if isinstance(server.info, NotPermitted) else count_of(server.info, "sync_full")
    until = time.monotonic() + patience
    try:
        with connect() as client:
            while True:
                info = dict(client.info())
                if count_of(info, "sync_full") - before >= ENOUGH or time.monotonic() >= until:
                    return info
                time.sleep(POLL_SECONDS)
    except ODD as error:
        return NotPermitted(reason(error))


def grown(server: Server, counter: str) -> int:
    """Return by how much a counter of INFO grew between both looks; 0 if there was one look, or a restart between."""
    if (
        isinstance(server.info, NotPermitted)
        or server.second_info is None
        or isinstance(server.second_info, NotPermitted)
    ):
        return 0
    return max(count_of(server.second_info, counter) - count_of(server.info, counter), 0)


def seconds_between(server: Server) -> float:
    """Return the seconds between both looks, by the server's own clock."""
    return grown(server, "server_time_usec") / 1e6
