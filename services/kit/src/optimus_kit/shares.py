"""A bounded number of places that several tenants use, of which none can take away another's share."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from optimus_kit.errors import ApiError


def overloaded() -> ApiError:
    """Make the 503 for a tenant that waited for a place in vain."""
    message = "Too many requests of this tenant are under way; try again."
    return ApiError(503, message, code="overloaded", headers={"Retry-After": "1"})


@dataclass(frozen=True)
class _Waiter:
    tenant: str
    granted: "asyncio.Future[None]"


class Shares:
    """Places of which each tenant has a share that is kept free for it.

    Half of the places are shared out evenly; the other half is whoever's comes first. So one tenant alone gets nearly
    all places beyond the others' shares, and the others still start at once within theirs.

    Args:
        total: places.
        tenants: returns how many tenants there are.
        wait: seconds that a place is waited for.
    """

    def __init__(self, total: int, tenants: Callable[[], int], wait: float) -> None:
        self._total = total
        self._tenants = tenants
        self._wait = wait
        self._used: Counter[str] = Counter()
        self._waiting: deque[_Waiter] = deque()

    @asynccontextmanager
    async def place(self, tenant: str, wait: float | None = None) -> AsyncIterator[None]:
        """Hold a place while the block runs; `wait` replaces the usual patience (seconds).

        Raises:
            ApiError: 503 `overloaded`, there was none in time.
        """
        await self._acquire(tenant, self._wait if wait is None else wait)
        try:
            yield
        finally:
            self._release(tenant)

    def used(self) -> int:
        """Return how many places are taken."""
        return self._used.total()

    def _has_room(self, tenant: str) -> bool:
        free = self._total - self._used.total()
        share = max(1, self._total // (2 * max(1, self._tenants())))
        if free > 0 and self._used[tenant] < share:
            return True
        return free > self._kept_free(tenant, share)

    def _kept_free(self, tenant: str, share: int) -> int:
        """Return how many places the other tenants have not used of their shares; half of all at most."""
        inside = sum(min(used, share) for name, used in self._used.items() if name != tenant)
        return min(share * (max(1, self._tenants()) - 1) - inside, self._total // 2)

    async def _acquire(self, tenant: str, wait: float) -> None:
        if self._has_room(tenant) and all(waiter.tenant != tenant for waiter in self._waiting):
            self._used[tenant] += 1
            return
        if wait <= 0:
            raise overloaded()
        waiter = _Waiter(tenant, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(wait):
                await waiter.granted
        except BaseException as error:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if waiter.granted.done() and not waiter.granted.cancelled():
                # Granted in the same moment.
                self._release(tenant)
            if isinstance(error, TimeoutError):
                raise overloaded() from None
            raise

    def _release(self, tenant: str) -> None:
        self._used[tenant] -= 1
        if not self._used[tenant]:
            del self._used[tenant]
        for waiter in tuple(self._waiting):
            if not waiter.granted.done() and self._has_room(waiter.tenant):
                self._used[waiter.tenant] += 1
                waiter.granted.set_result(None)
                self._waiting.remove(waiter)
