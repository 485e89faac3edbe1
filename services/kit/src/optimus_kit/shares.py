"""A bounded number of places that several tenants use, of which none can take away another's share."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial

from optimus_kit.errors import ApiError
from optimus_kit.fair_queue import FairQueue, Refusal, Ticket
from optimus_kit.weights import Weights

MOST_WAITING = 512
"""Requests of one tenant that wait at once: memory is bounded also before it is known how long places are held."""
LONGEST_RETRY_AFTER = 60


class Waited(StrEnum):
    """What a wait for a place came to."""

    GRANTED = "granted"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    LEFT = "left"


def overloaded(seconds: float = 1.0) -> ApiError:
    """Make the 503 for a tenant that has nothing, or less than its share, and finds no place in time."""
    message = "All places are taken; try again."
    return ApiError(503, message, code="overloaded", headers={"Retry-After": _whole_seconds(seconds)})


def backlogged(seconds: float) -> ApiError:
    """Make the 429 for a tenant that has its share of the places, and more under way than can be served in time."""
    message = "Too many requests of this tenant are under way; try again later."
    return ApiError(429, message, code="tenant_queue_full", headers={"Retry-After": _whole_seconds(seconds)})


def _whole_seconds(seconds: float) -> str:
    return str(min(LONGEST_RETRY_AFTER, max(1, math.ceil(seconds))))


class Shares:
    """Places of which each tenant has a share that is kept free for it, and a queue for each tenant (`fair_queue`).

    Args:
        total: places.
        weights: returns the tenants' weights; the same object unless they changed.
        wait: seconds that a place is waited for at most; who would wait longer is refused at once.
    """

    def __init__(self, total: int, weights: Callable[[], Weights], wait: float) -> None:
        self._queue = FairQueue(total, MOST_WAITING, weights)
        self._wait = wait
        self._observe: Callable[[Waited, float], None] = lambda _outcome, _seconds: None
        self._granted: dict[Ticket, asyncio.Future[None]] = {}

    def observed_by(self, observe: Callable[[Waited, float], None]) -> None:
        """Have `observe` told what each wait comes to from now on, and its seconds."""
        self._observe = observe

    @asynccontextmanager
    async def place(self, tenant: str, wait: float | None = None) -> AsyncIterator[None]:
        """Hold a place while the block runs; `wait` replaces the usual patience (seconds).

        With 0 it is asked whether one is free at once, and a refusal is none that is observed.

        Raises:
            ApiError: there is none in time: 429 `tenant_queue_full` to a tenant that has its share, else 503
                `overloaded`.
        """
        give_back = await self.take(tenant, wait)
        try:
            yield
        finally:
            give_back()

    async def take(self, tenant: str, wait: float | None = None) -> Callable[[], None]:
        """Return what gives a place back, once it is held; arguments and errors as for `place`."""
        ticket = await self._acquire(tenant, self._wait if wait is None else wait, asks_only=wait == 0)
        return partial(self._end, ticket)

    def used(self) -> int:
        """Return how many places are taken."""
        return self._queue.used()

    def waiting(self) -> int:
        """Return how many requests wait for a place."""
        return self._queue.all_waiting()

    def refuse_backlog(self, tenant: str) -> None:
        """Refuse what would be refused for the tenant's own backlog, before anything is done for the request.

        Raises:
            ApiError: 429 `tenant_queue_full`.
        """
        refusal = self._queue.refusal(tenant, self._wait)
        if refusal and refusal.own:
            self._observe(Waited.REFUSED, 0.0)
            raise _error(refusal)

    async def _acquire(self, tenant: str, wait: float, *, asks_only: bool) -> Ticket:
        began = asyncio.get_running_loop().time()
        found = self._queue.offer(tenant, began, wait)
        if isinstance(found, Refusal):
            if not asks_only:
                self._observe(Waited.REFUSED, 0.0)
            raise _error(found)
        if not self._queue.holds(found):
            await self._granted_in_time(found, wait)
        seconds = asyncio.get_running_loop().time() - began
        self._observe(Waited.GRANTED, seconds)
        return found

    async def _granted_in_time(self, ticket: Ticket, wait: float) -> None:
        self._granted[ticket] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(wait):
                await self._granted[ticket]
        except BaseException as error:
            late = isinstance(error, TimeoutError)
            refusal = self._queue.late(ticket.tenant)
            # It may have been granted in the same moment.
            self._end(ticket)
            self._observe(Waited.TIMED_OUT if late else Waited.LEFT, asyncio.get_running_loop().time() - ticket.since)
            if late:
                raise _error(refusal) from None
            raise
        finally:
            del self._granted[ticket]

    def _end(self, ticket: Ticket) -> None:
        self._tell(self._queue.end(ticket, asyncio.get_running_loop().time()))

    def _tell(self, tickets: Iterable[Ticket]) -> None:
        for granted in tickets:
            if not self._granted[granted].done():
                self._granted[granted].set_result(None)


def _error(refusal: Refusal) -> ApiError:
    return backlogged(refusal.seconds) if refusal.own else overloaded(refusal.seconds)
