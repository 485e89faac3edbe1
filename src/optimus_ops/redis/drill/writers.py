"""Writers that go straight to Redis: one write after the other, each with an id of its own, and their outcomes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_ops.redis.drill.group import ANSWER_SECONDS, RedisNode, close, open_node
from optimus_ops.redis.drill.observers import MasterTracker
from optimus_ops.redis.drill.record import Write, WriteKind, WriteOutcome

WAIT_MS = 300
RETRY_SECONDS = 0.02
CALLER_SECONDS = 5.0
"""For how long a write is retried, and for how long a caller of the services waits."""
EXPIRES_SECONDS = 3600
"""What an interrupted drill left expires."""
MAXIMUM_LENGTH = 100_000

PLAIN = WriteKind("plain")
STREAM = WriteKind("stream", repeats=True)
WAITING = WriteKind("wait", safe=True)
NEAR = WriteKind("near", pinned=True)
NEAR_WAITING = WriteKind("near-wait", safe=True, pinned=True)


@dataclass(frozen=True, slots=True)
class WriteLoad:
    """Concurrent writers of a kind, and writes of each per second."""

    kind: WriteKind
    writers: int
    rate: float


LOADS = (WriteLoad(PLAIN, 4, 25), WriteLoad(WAITING, 4, 25), WriteLoad(STREAM, 3, 17))
"""250 writes a second: one of each kind every 10 to 20 ms, which is the resolution of an outage."""
PINNED_LOADS = (WriteLoad(NEAR, 2, 25), WriteLoad(NEAR_WAITING, 2, 25))


def key_of(write: str) -> str:
    """Return the key of a write that sets one."""
    return f"optimus:drill:{write}"


def stream_of(run: str) -> str:
    """Return the stream that a run's writes are appended to."""
    return f"optimus:drill:{run}:stream"


Stage = Literal["connect", "write", "replicate"]
"""Nothing is sent yet; the write was sent; it was applied, and WAIT was sent."""


class NotReplicated(RedisError):  # noqa: N818 - a condition, in the words of the report
    """WAIT ended before enough replicas had the write."""


class MasterMoved(Exception):  # noqa: N818
    """The sentinels named another master while the old one's answer was awaited."""


def write_outcome(stage: Stage, error: BaseException | None) -> tuple[WriteOutcome, str]:
    """Return the outcome of a write, and the error in a word or two ("" without one).

    A server that answers with an error has not applied the write. One that does not answer may have.
    """
    if error is None:
        return "acknowledged", ""
    word = error_word(error)
    if stage == "connect":
        return "rejected", f"no connection: {word}"
    if stage == "write" and isinstance(error, ResponseError | BusyLoadingError):
        return "rejected", word
    return "indeterminate", word


def error_word(error: BaseException) -> str:
    """Return the code that a server answered with, else what happened to the connection."""
    match error:
        case NotReplicated():
            return "WAIT 0"
        case MasterMoved():
            return "moved"
        case RedisError(status_code=str(code)) if code:
            return code
        case ResponseError():
            return (str(error).split() or ["error"])[0]
        case TimeoutError() | RedisTimeoutError() | asyncio.CancelledError():
            return "timeout"
        case BusyLoadingError():
            return "LOADING"
    return "connection lost"


@dataclass
class Writer:
    """One writer with one connection."""

    run: str  # prefix of its ids
    kind: WriteKind
    number: int  # of the writer among those of its kind
    servers: Mapping[str, RedisNode]
    tracker: MasterTracker
    writes: list[Write]
    _initial_master: str = ""
    _client: Any = None
    _node: str = ""
    _never: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def run_until(self, stopped: Callable[[], bool], rate: float) -> None:
        """Write at a steady rate until stopped; a write that hangs delays the next one."""
        self._initial_master = self.tracker.master
        due, count = time.monotonic(), 0
        while not stopped():
            count += 1
            self.writes.append(await self._write(f"{self.run}-{self.kind.name}-{self.number}-{count}"))
            due = max(due + 1 / rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        await self._disconnect()

    async def _write(self, name: str) -> Write:
        began, unsure = time.monotonic(), False
        while True:
            outcome, error, node = await self._try(name)
            unsure = unsure or outcome == "indeterminate"
            now = time.monotonic()
            if outcome == "acknowledged" or not self.kind.repeats or now - began >= CALLER_SECONDS:
                break
            await asyncio.sleep(RETRY_SECONDS)
        if outcome == "rejected" and unsure:
            outcome = "indeterminate"
        return Write(name, self.kind.name, began, now, outcome, node, error)

    async def _try(self, name: str) -> tuple[WriteOutcome, str, str]:
        node = self._initial_master if self.kind.pinned else self.tracker.master
        stage: Stage = "connect"
        failed: BaseException | None = None
        try:
            client = await self._connect(node)
            stage = "write"
            await self._answer(self._send(client, name), node, ANSWER_SECONDS)
            if self.kind.safe:
                stage = "replicate"
                await self._replicate(client, node)
        except (RedisError, OSError, MasterMoved) as error:
            failed = error
            if not isinstance(error, ResponseError | NotReplicated):
                await self._disconnect()
        return *write_outcome(stage, failed), node

    def _send(self, client: Any, name: str) -> Awaitable[Any]:
        if self.kind.repeats:
            sent: Awaitable[Any] = client.xadd(stream_of(self.run), {"id": name}, maxlen=MAXIMUM_LENGTH)
            return sent
        return client.set(key_of(name), name, ex=EXPIRES_SECONDS)  # type: ignore[no-any-return]  # redis-py says Any

    async def _replicate(self, client: Any, node: str) -> None:
        if int(await self._answer(client.wait(1, WAIT_MS), node, WAIT_MS / 1000 + 0.1)) < 1:
            raise NotReplicated

    async def _connect(self, node: str) -> Any:
        if node not in self.servers:
            raise ConnectionError("the sentinels name an unknown server")
        if self._client is None or self._node != node:
            await self._disconnect()
            client = open_node(self.servers[node], answer_seconds=None)
            try:
                await self._answer(client.initialize(), node, ANSWER_SECONDS)
            except BaseException:
                await close(client)
                raise
            self._client, self._node = client, node
        return self._client

    async def _answer(self, request: Awaitable[Any], node: str, seconds: float) -> Any:
        """Wait for an answer, but no longer than the server is the master."""
        task = asyncio.ensure_future(request)
        replaced = self._never if self.kind.pinned else self.tracker.replaced(node)
        await asyncio.wait({task, replaced}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if replaced.done():
            raise MasterMoved
        raise TimeoutError

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close(client)
