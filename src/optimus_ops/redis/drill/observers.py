"""Observers that run until they are cancelled: sentinels' events, servers' roles, and the current master.

All times are of one monotonic clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redis.exceptions import RedisError

from optimus_ops.redis.drill.group import ANSWER_SECONDS, RedisNode, close, open_node
from optimus_ops.redis.drill.record import RoleChange, SentinelEvent

ROLE_SECONDS = 0.025
MASTER_SECONDS = 0.25
RETRY_SECONDS = 0.1


@dataclass
class MasterTracker:
    """The current master according to the sentinels; every writer follows it. Belongs to one event loop."""

    master: str
    epoch: int = -1  # of the configuration, of the newest answer
    _replaced: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    def on_answer(self, master: str, epoch: int) -> None:
        """Apply a sentinel's answer; one that missed an election has an older epoch and is ignored."""
        if epoch > self.epoch:
            self.epoch = epoch
            self.on_switch(master)

    def on_switch(self, master: str) -> None:
        """Apply a `+switch-master` that a sentinel published."""
        if master == self.master:
            return
        waiting = self._replaced.pop(self.master, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        self.master = master

    def replaced(self, master: str) -> asyncio.Future[None]:
        """Return a future that is done as soon as this server is not the master."""
        loop = asyncio.get_running_loop()
        if master == self.master:
            return self._replaced.setdefault(master, loop.create_future())
        done: asyncio.Future[None] = loop.create_future()
        done.set_result(None)
        return done


async def record_events(
    sentinel: RedisNode, events: list[SentinelEvent], hosts: Mapping[str, str], tracker: MasterTracker
) -> None:
    """Append every event that a sentinel publishes, and apply every switch to the tracker."""

    async def listen(client: Any) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.psubscribe("+*", "-*")
            async for message in channel.listen():
                event = SentinelEvent(time.monotonic(), sentinel.name, str(message["channel"]), str(message["data"]))
                events.append(event)
                if event.channel == "+switch-master":
                    tracker.on_switch(hosts.get(event.new_master_host, ""))

    await _observe(sentinel, listen, answer_seconds=None)


async def poll_master(sentinel: RedisNode, name: str, hosts: Mapping[str, str], tracker: MasterTracker) -> None:
    """Ask a sentinel for the master regularly: an event that was missed is not repeated."""

    async def poll(client: Any) -> None:
        while True:
            # The leader of a fail-over has the new epoch before it has switched: only its second answer fits that.
            epoch = int((await client.sentinel_master(name))["config-epoch"])
            host, _port = await client.sentinel_get_master_addr_by_name(name)
            tracker.on_answer(hosts.get(str(host), ""), epoch)
            await asyncio.sleep(MASTER_SECONDS)

    await _observe(sentinel, poll)


async def poll_role(server: RedisNode, roles: list[RoleChange]) -> None:
    """Append a server's role whenever it changes."""
    last: RoleChange | None = None

    def append(role: RoleChange) -> None:
        nonlocal last
        if last is None or replace(role, at=last.at) != last:
            roles.append(role)
        last = role

    async def poll(client: Any) -> None:
        while True:
            append(parse_role(server.name, await client.execute_command("ROLE")))
            await asyncio.sleep(ROLE_SECONDS)

    await _observe(server, poll, on_failure=lambda: append(RoleChange(time.monotonic(), server.name, "")))


async def _observe(
    node: RedisNode,
    observe: Callable[[Any], Awaitable[None]],
    *,
    answer_seconds: float | None = ANSWER_SECONDS,
    on_failure: Callable[[], None] = lambda: None,
) -> None:
    """Observe with a new connection after each failure, for ever."""
    while True:
        client = open_node(node, answer_seconds=answer_seconds)
        try:
            await observe(client)
        except (RedisError, OSError):
            on_failure()
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            await close(client)


def parse_role(name: str, answer: Any) -> RoleChange:
    """Parse the answer to ROLE: https://redis.io/docs/latest/commands/role/."""
    if str(answer[0]) == "master":
        return RoleChange(time.monotonic(), name, "master")
    return RoleChange(time.monotonic(), name, "replica", str(answer[1]), str(answer[3]) == "connected")
