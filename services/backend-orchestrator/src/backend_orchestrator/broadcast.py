"""One look at the state per second for all dashboards of a process, and the latest picture for each of them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from backend_orchestrator.snapshot import Observer, Snapshot

log = logging.getLogger(__name__)


class Subscription:
    """A dashboard's place: holds the latest picture only, so that a slow reader never has a queue behind it."""

    def __init__(self, latest: Snapshot | None) -> None:
        self._latest = latest
        self._changed = asyncio.Event()
        if latest is not None:
            self._changed.set()

    def offer(self, snapshot: Snapshot) -> None:
        """Replace what is to be read next."""
        self._latest = snapshot
        self._changed.set()

    async def next(self, timeout: float) -> Snapshot | None:  # noqa: ASYNC109 - running out is an ordinary result here
        """The latest picture once it is new, or None after `timeout` seconds without one."""
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return None
        self._changed.clear()
        return self._latest


class TooManySubscribersError(Exception):
    """As many dashboards are open on this process as may."""


class Broadcaster:
    """Looks while anyone watches, and tells all watchers what changed.

    Args:
        observer: takes the pictures.
        limit: watchers at most.
        interval: seconds between two looks.
    """

    def __init__(self, observer: Observer, limit: int, interval: float = 1.0) -> None:
        self._observer = observer
        self._limit = limit
        self._interval = interval
        self._subscriptions: set[Subscription] = set()
        self._latest: Snapshot | None = None
        self._poller: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """A place among the watchers; the first watcher starts the looking, the last one ends it.

        Raises:
            TooManySubscribersError: there is no place.
        """
        if len(self._subscriptions) >= self._limit:
            raise TooManySubscribersError
        subscription = Subscription(self._latest)
        self._subscriptions.add(subscription)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                self._rest()

    def _rest(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
        self._poller = None
        # Whoever comes next shall not be shown what was true for the last watcher.
        self._latest = None

    async def _poll(self) -> None:
        # Not `while True`: redis-py loses a cancellation that comes while it connects.
        while asyncio.current_task() is self._poller:
            try:
                snapshot = await self._observer.take()
            except (RedisError, OSError) as error:
                log.warning("dashboard: state not seen: %s", type(error).__name__)
            else:
                self._tell(snapshot)
            await asyncio.sleep(self._interval)

    def _tell(self, snapshot: Snapshot) -> None:
        if snapshot == self._latest:
            return
        self._latest = snapshot
        for subscription in self._subscriptions:
            subscription.offer(snapshot)
