"""Requests of several tenants begin so that none stands behind another's flood, where the processor is short.

In an event loop all that was begun stands in one line, whoever it is for. So while more than one tenant is active, what
a tenant asks for beside what it has under way waits outside of the loop, and is begun, a few at a time, when the loop
has nothing else to do: the processor is as busy, but the line is short. A tenant that has nothing under way begins at
once, and what was begun of others pauses for it. A process that one tenant uses alone does nothing of this.

The field's name is admission control. CockroachDB's, too, goes by what is runnable, and orders what waits by tenant
(https://www.cockroachlabs.com/docs/stable/admission-control).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time

from optimus_kit.errors import ApiError
from optimus_kit.fair_queue import Ticket
from optimus_kit.shares import MOST_WAITING, backlogged
from optimus_kit.start_limits import StartLimits
from optimus_kit.start_order import StartOrder
from optimus_kit.weights import Weights

USUAL = StartLimits()


class Turn:
    """A request that was begun. `end` says that it needs the processor no longer, and may be called again."""

    __slots__ = ("_starts", "_tenant")

    def __init__(self, starts: "FairStart", tenant: str) -> None:
        self._starts: FairStart | None = starts
        self._tenant = tenant

    async def pause(self) -> None:
        """Let the requests of tenants go first that have less under way, if this one's has requests that wait."""
        if self._starts is not None and self._starts.is_behind(self._tenant):
            await self._starts.pause(self._tenant)

    def end(self) -> None:
        """Let others begin."""
        if self._starts is not None:
            self._starts.ended(self._tenant)
            self._starts = None


class FairStart:
    """Begins requests; see the module.

    Args:
        weights: returns the tenants' weights.
        limits: bounds.
    """

    def __init__(self, weights: Callable[[], Weights] = Weights, limits: StartLimits = USUAL) -> None:
        self._limits = limits
        self._order = StartOrder(limits.patience, MOST_WAITING, weights)
        self._granted: dict[Ticket, asyncio.Future[bool]] = {}
        self._refused: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._paused: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._under_way: dict[str, int] = {}
        self._latest = ""
        self._shared_until = 0.0
        self._full = False
        self._next_look: asyncio.Handle | None = None
        self._looked = self._began = 0.0
        self.refusals = 0
        """Requests that were refused so far."""

    def waiting(self) -> int:
        """Return how many requests wait to be begun."""
        return len(self._order)

    def begin(self, tenant: str) -> Turn | None:
        """Begin a request, unless it has to `wait`: then None."""
        if tenant != self._latest:
            self._note_other(tenant)
        if self._shared_until and self._has_to_wait(tenant):
            return None
        self._under_way[tenant] = self._under_way.get(tenant, 0) + 1
        return Turn(self, tenant)

    async def wait(self, tenant: str) -> Turn:
        """Begin a request once it is its turn.

        Raises:
            ApiError: 429 `tenant_queue_full`: it would not be in time, or was not.
        """
        now = perf_counter()
        ticket = self._order.add(tenant, now)
        if ticket is None:
            raise await self._refusal(tenant, now)
        if len(self._order) == 1:
            self._began = now
        granted = self._granted[ticket] = asyncio.get_running_loop().create_future()
        self._keep_looking()
        try:
            begun = await granted
        except asyncio.CancelledError:
            # It may have been begun in the same moment.
            if granted.done() and not granted.cancelled() and granted.result():
                self.ended(tenant)
            raise
        finally:
            del self._granted[ticket]
            self._order.remove(ticket)
        if not begun:
            self.refusals += 1
            raise backlogged(self._limits.patience)
        return Turn(self, tenant)

    def is_behind(self, tenant: str) -> bool:
        """Tell whether requests of a tenant wait while one is under way of another, of which none does."""
        return tenant in self._order and self._another_is_first()

    async def pause(self, tenant: str) -> None:
        """Return when the tenant `is_behind` no more, or after `StartLimits.least`."""
        going_on = asyncio.get_running_loop().create_future()
        self._paused.append((perf_counter(), going_on))
        self._under_way[tenant] -= 1
        self._keep_looking()
        try:
            await going_on
        finally:
            self._under_way[tenant] += 1

    def ended(self, tenant: str) -> None:
        """Note that a request of a tenant is under way no more."""
        self._under_way[tenant] -= 1
        if self._paused and not self._another_is_first():
            self._go_on(perf_counter())
        if self._full:
            self._full = False
            self._keep_looking(anew=True)

    def _note_other(self, tenant: str) -> None:
        if self._latest:
            self._shared_until = perf_counter() + self._limits.shared
        self._latest = tenant

    def _has_to_wait(self, tenant: str) -> bool:
        if perf_counter() > self._shared_until:
            # One tenant alone again: what comes is begun at once, what waits in turn.
            self._shared_until = 0.0
            return False
        return tenant in self._order or self._under_way.get(tenant, 0) > 0

    def _another_is_first(self) -> bool:
        return any(count and tenant not in self._order for tenant, count in self._under_way.items())

    async def _refusal(self, tenant: str, now: float) -> ApiError:
        seconds = self._order.age(tenant, now)
        self.refusals += 1
        if len(self._refused) < self._limits.refusals:
            told = asyncio.get_running_loop().create_future()
            self._refused.append((now + self._limits.refusal, told))
            self._keep_looking()
            await told
        return backlogged(seconds)

    def _keep_looking(self, *, anew: bool = False) -> None:
        """Look at the loop's next turn; `anew`: also where a later look is due already."""
        if anew and self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if self._next_look is None:
            self._look_at_next_turn()

    def _look_at_next_turn(self) -> None:
        self._looked = thread_time()
        self._next_look = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Once a turn of the loop while anything waits: begin of it if the turn did nothing else."""
        now = perf_counter()
        # By processor time: a turn is not busy for what others do on the same core.
        idle = thread_time() - self._looked <= self._limits.idle
        if idle or now - self._began > self._limits.least:
            self._act(now, idle=idle)
        if self._order and not self._full:
            self._look_at_next_turn()
        elif self._order or self._refused or self._paused:
            # The loop shall rest: there is nothing to be begun before something ends.
            self._next_look = asyncio.get_running_loop().call_later(self._limits.slow, self._look_at_next_turn)
        else:
            self._next_look = None

    def _act(self, now: float, *, idle: bool) -> None:
        self._go_on(now - self._limits.least)
        for ticket in self._order.late(now):
            self._settle(ticket, begun=False)
        count = self._room(now) if idle else 1
        self._full = bool(self._order) and not count
        if self._full:
            return
        for _ in range(count):
            if following := self._order.next():
                self._began = now
                self._settle(following, begun=True)
        if self._refused and self._refused[0][0] <= now:
            _settle(self._refused.popleft()[1])

    def _room(self, now: float) -> int:
        """Return how many requests may be begun: some when those before have ended, more where these wait themselves.

        So where a store answers late, or the process itself has to wait for its processor, as many are begun as would
        have been in that time.
        """
        pauses = int((now - self._began) / self._limits.slow)
        if not any(self._under_way.values()):
            pauses = max(1, pauses)
        return min(self._limits.begun * pauses, self._limits.most)

    def _settle(self, ticket: Ticket, *, begun: bool) -> None:
        granted = self._granted[ticket]
        if granted.done():
            return
        if begun:
            self._under_way[ticket.tenant] = self._under_way.get(ticket.tenant, 0) + 1
        granted.set_result(begun)

    def _go_on(self, before: float) -> None:
        while self._paused and self._paused[0][0] <= before:
            _settle(self._paused.popleft()[1])


def _settle(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
