"""Connections to Redis that need less processor time for a command, and do the same.

redis-py's asynchronous client packs commands in Python, where its synchronous one has hiredis do it, and waits for each
answer with `asyncio.timeout`: together half of what a script's call takes.
"""

import math
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_kit.interruption import time_limit

PLAIN = frozenset({str, bytes, int, float})


class Lean(AbstractConnection):
    """What a kind of connection inherits before redis-py's own."""

    def pack_command(self, *words: Any) -> list[bytes]:
        """Return a command in the protocol's form; what hiredis has no form for is redis-py's matter."""
        if not PLAIN.issuperset(map(type, words)):
            return super().pack_command(*words)
        # A name may be of two words: SCRIPT LOAD.
        name, *arguments = words
        return [hiredis.pack_command((*name.split(), *arguments))]

    async def read_response(self, disable_decoding: bool = False, timeout: float | None = None, **options: Any) -> Any:  # noqa: ASYNC109 - redis-py's signature
        """Read an answer, within the connection's own time-out where none is given.

        Raises:
            redis.exceptions.RedisError: as redis-py's does.
        """
        seconds = self.socket_timeout
        if timeout is not None or not seconds:
            return await super().read_response(disable_decoding, timeout, **options)
        try:
            with time_limit(seconds):
                return await super().read_response(disable_decoding, math.inf, **options)
        except TimeoutError:
            raise RedisTimeoutError("Timeout reading from the server") from None


def lean(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return a kind of connection that is lean as well."""
    return type(kind.__name__, (Lean, kind), {})
