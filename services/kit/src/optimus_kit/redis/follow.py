"""Trying again until a deadline, at whatever server is the master by then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import AuthenticationError, AuthorizationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from optimus_kit.redis.master import Master

Result = TypeVar("Result")

PAUSE_SECONDS = 0.03


class MasterMovedError(RedisConnectionError):
    """The master became another one while something waited for it."""


class RefusedForNowError(RedisConnectionError):
    """The master does not take it, or can't say that it is safe, because it has too few replicas or no disk."""


class Follower:
    """Carries work out at the master.

    Args:
        master: where that is.
        deadline: seconds that one piece of work may take with all its attempts.
    """

    def __init__(self, master: Master, deadline: float) -> None:
        self._master = master
        self._deadline = deadline

    async def run(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `attempt` returns; it is made again when the connection or the master fails.

        Raises:
            redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: no success within the deadline; what the
                last attempt failed with.
            redis.exceptions.RedisError: what else the server answered.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._deadline
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        failure: Exception = RedisTimeoutError(f"no master answered within {self._deadline:g} s")
        while loop.time() < ends_at:
            at = self._master.known
            try:
                return await self._attempt(attempt, ends_at)
            except (AuthenticationError, AuthorizationError):
                raise
            except MasterMovedError as error:
                failure = error
            except RefusedForNowError as error:
                failure = error
                self._master.suspect(at or self._master.known, gone=False)
            except (RedisConnectionError, RedisTimeoutError) as error:
                failure = error
                self._master.suspect(at or self._master.known)
            except TimeoutError:
                break
            if task and task.cancelling() > cancelled_before:
                # redis-py loses a cancellation that comes while it connects.
                raise asyncio.CancelledError
            await asyncio.sleep(PAUSE_SECONDS)
        raise failure

    async def _attempt(self, attempt: Callable[[], Awaitable[Result]], ends_at: float) -> Result:
        try:
            async with asyncio.timeout_at(ends_at) as limit:
                with self._master.watched(limit):
                    return await attempt()
        except TimeoutError:
            if asyncio.get_running_loop().time() < ends_at:
                raise MasterMovedError("the master is another one now") from None
            raise
