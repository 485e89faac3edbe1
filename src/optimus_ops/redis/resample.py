"""A second sample of INFO: one shows what once happened, two show what goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from optimus_ops.redis.client import FAILURES, refusal
from optimus_ops.redis.deadline_gather import gather_within
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import Node, NotPermitted
from optimus_ops.redis.values import count_of

WATCH_SECONDS = 4.0
"""For which a master with restless replicas is watched: a replica tries again each second."""
POLL_SECONDS = 0.5
ENOUGH = 2
"""Copies that begin meanwhile, after which there is no need to watch longer."""


def resample(topology: Topology, connect: Callable[[Node], Any], *, seconds: float = WATCH_SECONDS) -> Topology:
    """Return the topology with a second INFO of each server; where replicas are restless, masters are watched."""
    watch = seconds if any(_restless(server) for server in topology.members) else 0.0
    questions = {
        server.node: partial(_info, server, partial(connect, server.node), watch if server.role == "master" else 0.0)
        for server in topology.servers
        if not server.unreachable_reason and not isinstance(server.info, NotPermitted)
    }
    found = gather_within(seconds + 2.0, questions, late=lambda _node: None)
    return replace(
        topology, servers=tuple(replace(server, second_info=found.get(server.node)) for server in topology.servers)
    )


def _restless(server: Server) -> bool:
    own = server.known_replication
    if own is None:
        return False
    return own.copying or (own.master is None and server.count("sync_full") > len(own.replicas) + ENOUGH)


def _info(server: Server, connect: Callable[[], Any], seconds: float) -> Mapping[str, Any] | NotPermitted:
    before = server.count("sync_full")
    until = time.monotonic() + seconds
    try:
        with connect() as client:
            while True:
                info = dict(client.info())
                if count_of(info, "sync_full") - before >= ENOUGH or time.monotonic() >= until:
                    return info
                time.sleep(POLL_SECONDS)
    except FAILURES as error:
        return refusal(error)
