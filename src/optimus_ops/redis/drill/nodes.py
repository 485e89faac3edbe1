"""The drilled servers and sentinels, and clients of them with short timeouts."""

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

from optimus_ops.errors import OpsError
from optimus_ops.redis.client import FAILURES, Credentials, open_client, reason
from optimus_ops.redis.model import Address

CONNECT_SECONDS = 0.25
ANSWER_SECONDS = 0.3
"""A caller with a deadline of a few seconds can't hang on a server that is gone."""


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
    """The servers that replicate with each other, and their sentinels.

    Args:
        master: the name by which sentinels know the master.
        down_after: seconds without an answer after which a quorum of sentinels takes a server for dead.
        down_afters: seconds after which each sentinel does, in order.
        failover_timeout: seconds that an attempt may take; after one that failed, sentinels wait for twice as long.
        max_lag: seconds without a reply of a replica after which a master refuses writes; None where it never does.
    """

    project: str
    servers: Mapping[str, RedisNode]
    sentinels: Mapping[str, RedisNode]
    version: str
    master: str
    down_after: float
    down_afters: tuple[float, ...]
    failover_timeout: float
    max_lag: float | None

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
