"""The drilled servers and sentinels, clients of them with short timeouts, and what the group must be like."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from optimus_ops.errors import OpsError, Refused
from optimus_ops.redis.checks import failed_checks
from optimus_ops.redis.client import FAILURES, Credentials, open_client, reason
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import Address, NotPermitted
from optimus_ops.redis.sentinel import monitored_masters

CONNECT_SECONDS = 0.25
ANSWER_SECONDS = 0.3
"""A caller with a deadline of a few seconds can't hang on a server that is gone."""
ALLOWED = "allowed"
MARK_HINT = (
    "a drill kills servers and may lose writes. Where that may be, say so and start again: "
    "OPTIMUS_DRILL=allowed invoke scale --sentinel"
)


@dataclass(frozen=True, slots=True)
class RedisNode:
    """A server or sentinel, and the id of its container."""

    name: str
    container: str
    host: str
    port: int
    login: Credentials

    def client(self) -> Any:
        """Return a blocking client; nothing is sent yet."""
        return open_client(Address(self.host, self.port), self.login)

    def setting(self, name: str) -> str:
        """Return a setting of the server."""
        with self.client() as client:
            return str(client.config_get(name)[name])

    def configure(self, name: str, value: str) -> None:
        """Change a setting until the server restarts."""
        try:
            with self.client() as client:
                client.config_set(name, value)
        except FAILURES as error:
            raise OpsError(f"{name} of {self.name} can't be set to {value}: {reason(error)}") from error


@dataclass(frozen=True, slots=True)
class Group:
    """The servers that replicate with each other, and their sentinels; times in seconds."""

    project: str
    servers: Mapping[str, RedisNode]
    sentinels: Mapping[str, RedisNode]
    version: str
    master: str  # the name by which sentinels know the master
    down_after: float  # without an answer, until a quorum of sentinels takes a server for dead
    down_afters: tuple[float, ...]  # until each sentinel does, in order
    failover_timeout: float  # of an attempt; after one that failed, sentinels wait for twice as long
    max_lag: float | None  # without a reply of a replica, until a master refuses writes; None where it never does

    @property
    def hosts(self) -> dict[str, str]:
        """Return host -> name of the server."""
        return {node.host: node.name for node in self.servers.values()}

    @property
    def nodes(self) -> dict[str, RedisNode]:
        """Return name -> server or sentinel."""
        return {**self.servers, **self.sentinels}


def open_node(node: RedisNode, *, answer_seconds: float | None = ANSWER_SECONDS) -> Any:
    """Return an asynchronous client with one connection; None waits for answers without limit, as a subscriber does."""
    return Redis(
        host=node.host,
        port=node.port,
        username=node.login.user or None,
        password=node.login.password.reveal() or None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
        decode_responses=True,
        protocol=2,
    )


async def close(client: Any) -> None:
    """Close a client; one whose server is gone can't be closed in order."""
    with contextlib.suppress(RedisError, OSError, asyncio.TimeoutError):
        await client.aclose()


def drillable(containers: tuple[RedisContainer, ...], project: str) -> tuple[RedisContainer, ...]:
    """Return what may be broken; raise `Refused` without sentinels, or where a server or sentinel is not marked."""
    found = tuple(container for container in containers if container.role != "cache")
    if not any(container.role == "sentinel" for container in found):
        raise Refused(f"{project} has no sentinels: nobody would take over", "invoke scale --sentinel")
    unmarked = [container.service_name for container in found if container.drill != ALLOWED]
    if unmarked:
        raise Refused(f"{project} is not marked as allowed to be drilled: {', '.join(unmarked)}", MARK_HINT)
    return found


def node_of(deployment: StackDeployment, container: RedisContainer) -> RedisNode:
    """Return the node in a container."""
    login = deployment.credentials(container)
    return RedisNode(container.service_name, container.id, container.node.address.host, container.port, login)


def read_group(deployment: StackDeployment, containers: tuple[RedisContainer, ...], topology: Topology) -> Group:
    """Return the group of drillable containers as it was observed."""

    def nodes(role: str) -> dict[str, RedisNode]:
        found = (container for container in containers if container.role == role)
        return {container.service_name: node_of(deployment, container) for container in found}

    monitored = monitored_masters(topology.sentinels)
    down_afters = sorted(master.down_after / 1000 for master in monitored)
    return Group(
        project=deployment.project,
        servers=nodes("state"),
        sentinels=nodes("sentinel"),
        version=", ".join(sorted({server.version for server in topology.members})),
        master=topology.master,
        down_after=down_afters[min(monitored[0].quorum, len(monitored)) - 1],
        down_afters=tuple(down_afters),
        failover_timeout=max(master.failover_timeout for master in monitored) / 1000,
        max_lag=_max_lag(topology),
    )


def _max_lag(topology: Topology) -> float | None:
    """Return the lag that every server allows, where each refuses writes without replicas."""
    if any(int(server.setting("min-replicas-to-write") or 0) < 1 for server in topology.members):
        return None
    return max((float(server.setting("min-replicas-max-lag") or 10) for server in topology.members), default=None)


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
