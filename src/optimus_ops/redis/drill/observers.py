"""Hearing every sentinel and asking every server for its role, all stamped with the one monotonic clock."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from optimus_ops.redis.drill.nodes import close, open_peer
from optimus_ops.redis.drill.record import RoleSeen, SentinelEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.redis.drill.master_tracker import Whereabouts
    from optimus_ops.redis.drill.nodes import Peer

ROLE_SECONDS = 0.025
MASTER_SECONDS = 0.25
AGAIN_SECONDS = 0.1


async def hear(sentinel: Peer, heard: list[SentinelEvent], hosts: Mapping[str, str], where: Whereabouts) -> None:
    """Record what a sentinel publishes, for ever.

    Args:
        sentinel: which.
        heard: events are appended to it.
        hosts: host -> name of the server.
        where: told of every switch.
    """
    while True:
        client = open_peer(sentinel, patience=None)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.psubscribe("+*", "-*")
                async for message in channel.listen():
                    event = SentinelEvent(
                        time.monotonic(), sentinel.name, str(message["channel"]), str(message["data"])
                    )
                    heard.append(event)
                    if event.channel == "+switch-master":
                        # NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT
                        where.heard(hosts.get(event.text.split()[3], ""))
        except (RedisError, OSError):
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await close(client)


async def ask_for_master(sentinel: Peer, name: str, hosts: Mapping[str, str], where: Whereabouts) -> None:
    """Ask a sentinel for the master again and again: events that nobody heard are not repeated."""
    while True:
        client = open_peer(sentinel)
        try:
            while True:
                # Who leads a fail-over has the new epoch before it has switched: only its second answer fits that.
                epoch = int((await client.sentinel_master(name))["config-epoch"])
                host, _port = await client.sentinel_get_master_addr_by_name(name)
                where.told(hosts.get(str(host), ""), epoch)
                await asyncio.sleep(MASTER_SECONDS)
        except (RedisError, OSError):
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await close(client)


async def ask_for_role(server: Peer, seen: list[RoleSeen]) -> None:
    """Record a server's role whenever it is another one than before, for ever."""
    last: RoleSeen | None = None
    while True:
        client = open_peer(server)
        try:
            while True:
                last = _noted(parse_role(server.name, await client.execute_command("ROLE")), last, seen)
                await asyncio.sleep(ROLE_SECONDS)
        except (RedisError, OSError):
            last = _noted(RoleSeen(time.monotonic(), server.name, ""), last, seen)
            await asyncio.sleep(AGAIN_SECONDS)
        finally:
            await close(client)


def parse_role(name: str, answer: Any) -> RoleSeen:
    """Make a value of what ROLE answers: https://redis.io/docs/latest/commands/role/."""
    if str(answer[0]) == "master":
        return RoleSeen(time.monotonic(), name, "master")
    return RoleSeen(time.monotonic(), name, "replica", str(answer[1]), str(answer[3]) == "connected")


def _noted(now: RoleSeen, last: RoleSeen | None, seen: list[RoleSeen]) -> RoleSeen:
    told = (now.role, now.master, now.linked)
    if last is None or told != (last.role, last.master, last.linked):
        seen.append(now)
    return now
