"""Writers that go straight to Redis: one after the other write, each with an id of its own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from optimus_ops.redis.drill.nodes import PATIENCE_SECONDS, close, open_peer
from optimus_ops.redis.drill.outcome import Moved, NotReplicated, outcome_of
from optimus_ops.redis.drill.record import Kind, Write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from optimus_ops.redis.drill.master_tracker import Whereabouts
    from optimus_ops.redis.drill.nodes import Peer
    from optimus_ops.redis.drill.outcome import Stage
    from optimus_ops.redis.drill.record import Outcome

WAIT_MS = 300
AGAIN_SECONDS = 0.02
CALLER_SECONDS = 5.0
"""For how long a write that is repeated is repeated."""
EXPIRES_SECONDS = 3600
"""What an interrupted drill left goes by itself."""
MAXIMUM_LENGTH = 100_000

PLAIN = Kind("plain")
STREAM = Kind("stream", repeats=True)
WAITING = Kind("wait", safe=True)
NEAR = Kind("near", near=True)
NEAR_WAITING = Kind("near-wait", safe=True, near=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a kind is written: writers at once, and writes of each per second."""

    kind: Kind
    writers: int
    rate: float


PACES = (Pace(PLAIN, 4, 25), Pace(WAITING, 4, 25), Pace(STREAM, 3, 17))
"""250 writes a second: one of each kind every 10 to 20 ms, which is how exactly an outage is measured."""
NEAR_PACES = (Pace(NEAR, 2, 25), Pace(NEAR_WAITING, 2, 25))


def key_of(write: str) -> str:
    """Return the key that a write with an id of its own sets."""
    return f"optimus:drill:{write}"


def stream_of(run: str) -> str:
    """Return the stream that a run's writes are appended to."""
    return f"optimus:drill:{run}:stream"


@dataclass
class Writer:
    """One writer with one connection.

    Args:
        run: prefix of its ids.
        kind: what it writes.
        number: which of its kind it is.
        servers: name -> server.
        where: where the master is.
        written: writes are appended to it.
    """

    run: str
    kind: Kind
    number: int
    servers: Mapping[str, Peer]
    where: Whereabouts
    written: list[Write]
    _home: str = ""
    _client: Any = None
    _node: str = ""
    _never: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def write(self, rate: float, stop: asyncio.Event) -> None:
        """Write at a steady rate until told to stop; a write that hangs delays the next one."""
        self._home = self.where.master
        due, count = time.monotonic(), 0
        while not stop.is_set():
            count += 1
            self.written.append(await self._one(f"{self.run}-{self.kind.name}-{self.number}-{count}"))
            due = max(due + 1 / rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        await self._drop()

    async def _one(self, name: str) -> Write:
        began, tries, unsure = time.monotonic(), 0, False
        while True:
            tries += 1
            outcome, error, node = await self._try(name)
            unsure = unsure or outcome == "indeterminate"
            now = time.monotonic()
            if outcome == "acknowledged" or not self.kind.repeats or now - began >= CALLER_SECONDS:
                break
            await asyncio.sleep(AGAIN_SECONDS)
        if outcome == "rejected" and unsure:
            outcome = "indeterminate"
        return Write(name, self.kind.name, began, now, outcome, node, error, tries)

    async def _try(self, name: str) -> tuple[Outcome, str, str]:
        node = self._home if self.kind.near else self.where.master
        stage: Stage = "connect"
        failed: BaseException | None = None
        try:
            client = await self._connected(node)
            stage = "write"
            await self._answer(self._send(client, name), node, PATIENCE_SECONDS)
            if self.kind.safe:
                stage = "replicate"
                await self._replicated(client, node)
        except (RedisError, OSError, Moved) as error:
            failed = error
            if not isinstance(error, ResponseError | NotReplicated):
                await self._drop()
        return *outcome_of(stage, failed), node

    def _send(self, client: Any, name: str) -> Awaitable[Any]:
        if self.kind.repeats:
            sent: Awaitable[Any] = client.xadd(stream_of(self.run), {"id": name}, maxlen=MAXIMUM_LENGTH)
            return sent
        return client.set(key_of(name), name, ex=EXPIRES_SECONDS)  # type: ignore[no-any-return]  # redis-py says Any

    async def _replicated(self, client: Any, node: str) -> None:
        if int(await self._answer(client.wait(1, WAIT_MS), node, WAIT_MS / 1000 + 0.1)) < 1:
            raise NotReplicated

    async def _connected(self, node: str) -> Any:
        if node not in self.servers:
            raise ConnectionError("the sentinels name an unknown server")
        if self._client is None or self._node != node:
            await self._drop()
            client = open_peer(self.servers[node], patience=None)
            try:
                await self._answer(client.initialize(), node, PATIENCE_SECONDS)
            except BaseException:
                await close(client)
                raise
            self._client, self._node = client, node
        return self._client

    async def _answer(self, asked: Awaitable[Any], node: str, seconds: float) -> Any:
        """Wait for an answer, but no longer than the server is the master."""
        task = asyncio.ensure_future(asked)
        moved = self._never if self.kind.near else self.where.left(node)
        await asyncio.wait({task, moved}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if moved.done():
            raise Moved
        raise TimeoutError

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close(client)
