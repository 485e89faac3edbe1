"""Values that are read from elsewhere when /metrics is asked: seldom enough, and never for long."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

log = logging.getLogger("optimus.metrics")


class Reading(Generic[Value]):
    """The latest value of something outside this process; None while it can't be had.

    Args:
        name: for the log.
        read: reads it; fails by raising.
        fresh: seconds for which a value, or the news that there is none, is told again.
        seconds: within which it has to come.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[Value]],
        *,
        fresh: float = 2.0,
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.value: Value | None = None
        self._name = name
        self._read = read
        self._fresh = fresh
        self._seconds = seconds
        self._clock = clock
        self._until = float("-inf")
        self._under_way: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read it unless it is fresh; who comes meanwhile waits for the same answer, and nobody longer than said."""
        if self._under_way is None:
            if self._clock() < self._until:
                return
            self._under_way = asyncio.create_task(self._take())
        # Shielded: the scraper that asked first may go away. Not longer, whatever the client does with a cancellation.
        task = self._under_way
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            task.cancel()
            self.value = None

    async def _take(self) -> None:
        try:
            self.value = await self._read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other metrics are told
            if self.value is not None:
                log.warning("%s can't be read: %s", self._name, type(error).__name__)
            self.value = None
        finally:
            self._until = self._clock() + self._fresh
            self._under_way = None
