"""Commands to Redis in groups: what arrives while one group is under way goes out together as the next.

Under load this costs a fraction of one round trip per command; at rest a group is one command and waits for nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from optimus_kit.interruption import time_limit
from optimus_kit.redis import wait
from optimus_kit.redis.scripts import Script
from optimus_kit.settings import AT_ONCE, Durability

MAX_GROUP = 256
MAX_LARGE = 8
"""Of them with a large answer: what Redis has to hold until a group is read counts as its memory."""
DEADLINE_SECONDS = 6.0

Argument = str | bytes | int | float


class StoreUnavailable(Exception):  # noqa: N818 - named for what is wrong
    """Redis did not answer, or not in time."""


class _Call(NamedTuple):
    script: Script | None
    arguments: tuple[Argument, ...]
    done: "asyncio.Future[Any]"
    durable: bool
    large: bool

    def command(self, form: int) -> tuple[Argument, ...]:
        return ("EVALSHA", self.script.forms[form][1], *self.arguments) if self.script else self.arguments


class Store:
    """Runs scripts and commands on one Redis.

    Args:
        redis: the client; `decode_responses` as the caller likes.
        scripts: all scripts that will be called, so that they can be loaded again after a failover.
        deadline: seconds that a call may take, its turn included.
        durability: when a call that must not be lost counts.
    """

    def __init__(
        self,
        redis: "Redis",
        scripts: Sequence[Script],
        deadline: float = DEADLINE_SECONDS,
        durability: Durability = AT_ONCE,
    ) -> None:
        self._redis = redis
        self._scripts = tuple(scripts)
        self._deadline = deadline
        self._durability = durability
        self._waiting: list[_Call] = []
        self._flusher: asyncio.Task[None] | None = None
        self._form = 0
        """Which form of the scripts the server was given: see `Script.forms`."""

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Iterable[Argument],
        *,
        durable: bool = False,
        large: bool = False,
    ) -> Any:
        """Run a script. It may run more than once.

        Args:
            script: which.
            keys: its keys.
            arguments: its arguments.
            durable: it must not be lost once this returns.
            large: its answer may be as large as a conversation.

        Raises:
            StoreUnavailable: no answer, or it may be lost.
            OutOfMemoryError: refused as a whole, for memory is short.
            RedisError: the script failed.
        """
        return await self._call(script, (len(keys), *keys, *arguments), durable=durable, large=large)

    async def execute(self, *command: Argument, durable: bool = False) -> Any:
        """Run a command; arguments and errors as for `run`."""
        return await self._call(None, command, durable=durable)

    async def _call(
        self, script: Script | None, arguments: tuple[Argument, ...], *, durable: bool, large: bool = False
    ) -> Any:
        durable = durable and self._durability.replicas > 0
        loop = asyncio.get_running_loop()
        for last in (False, True):
            done = loop.create_future()
            self._waiting.append(_Call(script, arguments, done, durable, large))
            if self._flusher is None or self._flusher.done():
                self._flusher = asyncio.create_task(self._flush())
            ends_at = loop.time() + self._deadline
            timer = loop.call_at(ends_at, _settle, done, TimeoutError())
            try:
                return await done
            except TimeoutError:
                # Much later than asked for, it is this process that stood still: Redis may have answered long ago.
                if last or loop.time() - ends_at < self._deadline / 10:
                    break
            finally:
                timer.cancel()
        raise StoreUnavailable("TimeoutError")

    async def aclose(self) -> None:
        """Wait for what is under way and close the client."""
        if self._flusher is not None:
            await self._flusher
        await self._redis.aclose()

    async def _flush(self) -> None:
        while self._waiting:
            calls, self._waiting = _group(self._waiting)
            try:
                with time_limit(self._deadline):
                    results = await self._send(calls)
            except (RedisError, OSError, TimeoutError) as error:
                results = [StoreUnavailable(type(error).__name__)] * len(calls)
            except BaseException:
                # The loop is closing: nobody may be left waiting for an answer that will not come.
                for call in (*calls, *self._waiting):
                    call.done.cancel()
                raise
            for call, result in zip(calls, results, strict=True):
                _settle(call.done, result)

    async def _send(self, calls: Sequence[_Call]) -> list[Any]:
        results = await self._pipeline(calls)
        for form in (0, 1):
            lost = [index for index, result in enumerate(results) if isinstance(result, NoScriptError)]
            if not lost:
                break
            self._form = form
            again = await self._pipeline([calls[index] for index in lost], load=True)
            for index, result in zip(lost, again, strict=True):
                results[index] = result
        return results

    async def _pipeline(self, calls: Sequence[_Call], *, load: bool = False) -> list[Any]:
        """Send calls on one connection and return their results; before them, `load` the scripts."""
        durable = any(call.durable for call in calls)
        texts = [script.forms[self._form][0] for script in self._scripts] if load else []
        pipeline = self._redis.pipeline(transaction=False)
        for text in texts:
            pipeline.execute_command("SCRIPT LOAD", text)
        for call in calls:
            pipeline.execute_command(*call.command(self._form))
        if durable:
            pipeline.execute_command(*wait(self._durability))
        results: list[Any] = await pipeline.execute(raise_on_error=False)
        results = results[len(texts) :]
        if not durable:
            return results
        *results, replicas = results
        if isinstance(replicas, int) and replicas >= self._durability.replicas:
            return results
        lost = StoreUnavailable("too few replicas have it")
        return [lost if call.durable else result for call, result in zip(calls, results, strict=True)]


def _group(waiting: list[_Call]) -> tuple[list[_Call], list[_Call]]:
    """Split calls into those that go out together and those that wait."""
    large = 0
    for index, call in enumerate(waiting[:MAX_GROUP]):
        large += call.large
        if large > MAX_LARGE:
            return waiting[:index], waiting[index:]
    return waiting[:MAX_GROUP], waiting[MAX_GROUP:]


def _settle(done: "asyncio.Future[Any]", result: Any) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
