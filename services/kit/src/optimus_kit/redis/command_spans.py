"""Spans of commands (https://opentelemetry.io/docs/specs/semconv/db/redis/), of whatever client sends them.

The published instrumentation is not used: it costs 30 µs a command, five times what a span does here, knows the older
names of attributes only, and has a span for each attempt at a master that moves.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from optimus_kit.tracing import SharedAttributes, current_span, start_span

Result = TypeVar("Result")

_sending: ContextVar[bool] = ContextVar("optimus_redis_command", default=False)
"""Whether a command is being sent: what is sent for it, such as a script that Redis forgot, is part of it."""


def record_command(words: tuple[Any, ...], attempt: Callable[[], Awaitable[Result]]) -> Awaitable[Result]:
    """Send a command, in a span where the request at hand has one.

    Args:
        words: of the command; its arguments are never recorded.
        attempt: sends it.
    """
    if not _wanted():
        return attempt()
    return _recorded(_name(words), 1, attempt)


def record_pipeline(commands: list[Any], attempt: Callable[[], Awaitable[Result]]) -> Awaitable[Result]:
    """Likewise send several commands together; `commands` as of a pipeline's stack."""
    if not commands or not _wanted():
        return attempt()
    names = {_name(words) for words, _options in commands}
    return _recorded(names.pop() if len(names) == 1 else "", len(commands), attempt)


def _wanted() -> bool:
    return current_span().recording and not _sending.get()


def _name(words: tuple[Any, ...]) -> str:
    return str(words[0]).upper()


async def _recorded(command: str, size: int, attempt: Callable[[], Awaitable[Result]]) -> Result:
    name, attributes = _described(command, size)
    recorded = start_span(name, kind="client", attributes=attributes)
    token = _sending.set(True)
    try:
        return await attempt()
    except GeneratorExit:
        raise
    except BaseException as error:
        recorded.error(type(error).__name__)
        raise
    finally:
        _sending.reset(token)
        recorded.end()


@lru_cache(maxsize=512)
def _described(command: str, size: int) -> tuple[str, SharedAttributes]:
    """Return name and attributes of a span; `command` is empty where there are several kinds."""
    name = command if size == 1 else f"PIPELINE {command}".rstrip()
    batch = size if size > 1 else None
    return name, SharedAttributes(
        {"db.system.name": "redis", "db.operation.name": name, "db.operation.batch.size": batch}
    )


class RecordedPipeline(Pipeline):
    """A pipeline whose commands are one span."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was put in and return the answers."""
        once = super().execute
        return await record_pipeline(list(self.command_stack), lambda: once(raise_on_error))


class RecordedRedis(Redis):
    """A client whose commands are spans."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Carry out a command."""
        once: Any = super().execute_command
        return record_command(args, lambda: once(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Make a pipeline."""
        return RecordedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
