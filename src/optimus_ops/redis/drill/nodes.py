"""The servers and sentinels of the stack as a drill meets them, and clients of them that give up soon."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.redis.client import Credentials

CONNECT_SECONDS = 0.25
PATIENCE_SECONDS = 0.3
"""How long an answer is waited for. A caller with a deadline of a few seconds can't hang on a server that is gone."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server or sentinel.

    Args:
        name: what people call it.
        container: id of its container.
        host: where it listens.
        port: likewise.
        login: whom to say that we are.
    """

    name: str
    container: str
    host: str
    port: int
    login: Credentials


@dataclass(frozen=True, slots=True)
class Group:
    """The servers that replicate with each other, and their sentinels.

    Args:
        project: the stack.
        servers: name -> server.
        sentinels: name -> sentinel.
        version: of Redis.
        master: the name by which sentinels know the master.
        down_after: seconds without an answer after which a quorum of sentinels takes a server for dead.
        down_afters: seconds after which each sentinel does, in order.
        failover_timeout: seconds that an attempt may take; after one that failed, sentinels wait for twice as long.
        max_lag: seconds without a word from a replica after which a master refuses writes; None where it never does.
    """

    project: str
    servers: Mapping[str, Peer]
    sentinels: Mapping[str, Peer]
    version: str
    master: str
    down_after: float
    down_afters: tuple[float, ...]
    failover_timeout: float
    max_lag: float | None

    @property
    def hosts(self) -> dict[str, str]:
        """Return host -> name of the server."""
        return {peer.host: peer.name for peer in self.servers.values()}

    @property
    def peers(self) -> dict[str, Peer]:
        """Return name -> server or sentinel."""
        return {**self.servers, **self.sentinels}


def open_peer(peer: Peer, *, patience: float | None = PATIENCE_SECONDS) -> Any:
    """Return a client with one connection; nothing is sent yet.

    Args:
        peer: whom.
        patience: seconds to wait for an answer; None for who waits for events.
    """
    return Redis(
        host=peer.host,
        port=peer.port,
        username=peer.login.user or None,
        password=peer.login.password.reveal() or None,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=patience,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
        decode_responses=True,
        protocol=2,
    )


async def close(client: Any) -> None:
    """Close a client; one whose server is gone can't be closed in order."""
    with contextlib.suppress(RedisError, OSError, asyncio.TimeoutError):
        await client.aclose()
