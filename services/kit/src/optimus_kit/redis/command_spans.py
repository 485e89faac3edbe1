"""Spans of commands (https://opentelemetry.io/docs/specs/semconv/db/redis/), of whatever client sends them.

The published instrumentation is not used: it costs 30 µs a command, five times what a span does here, knows the older
names of attributes only, and has a span for each attempt at a master that moves.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from optimus_kit.tracing import Attributes, current_span, span

Result = TypeVar("Result")

_sending: ContextVar[bool] = ContextVar("optimus_redis_command", default=False)
"""Whether a command's span is current: what is sent for it, such as a script that Redis forgot, is part of it."""


def record_command(words: tuple[Any, ...], attempt: Callable[[], Awaitable[Result]]) -> Awaitable[Result]:
    """Send a command, in a span where the request at hand has one.

    Args:
        words: of the command; its arguments are never recorded.
        attempt: sends it.
    """
    if not _wanted():
        return attempt()
    return _recorded(_name(words), {}, attempt)


def record_pipeline(commands: list[Any], attempt: Callable[[], Awaitable[Result]]) -> Awaitable[Result]:
    """Likewise send several commands together; `commands` as of a pipeline's stack."""
    if not commands or not _wanted():
        return attempt()
    names = {_name(words) for words, _options in commands}
    name = names.pop() if len(names) == 1 else ""
    if len(commands) == 1:
        return _recorded(name, {}, attempt)
    return _recorded(f"PIPELINE {name}".rstrip(), {"db.operation.batch.size": len(commands)}, attempt)


def _wanted() -> bool:
    return current_span().recording and not _sending.get()


def _name(words: tuple[Any, ...]) -> str:
    return str(words[0]).upper()


async def _recorded(name: str, attributes: Attributes, attempt: Callable[[], Awaitable[Result]]) -> Result:
    with span(name, kind="client", attributes={"db.system.name": "redis", "db.operation.name": name, **attributes}):
        token = _sending.set(True)
        try:
            return await attempt()
        finally:
            _sending.reset(token)


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
