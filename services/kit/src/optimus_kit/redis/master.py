"""Where the master is: known, suspected and looked for, or heard of."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from optimus_kit.background import background
from optimus_kit.redis.sentinels import Address, Sentinels

LOOK_AGAIN_SECONDS = 0.05

log = logging.getLogger("optimus.redis")


class Master:
    """The master's address, shared by all connections of a client: one looks for it, all learn it.

    Args:
        sentinels: know it.
        probe: tells whether the server at an address says that it is a master. Never raises.
    """

    def __init__(self, sentinels: Sentinels, probe: Callable[[Address], Awaitable[bool]]) -> None:
        self._sentinels = sentinels
        self._probe = probe
        self._address: Address | None = None
        self._suspect: Address | None = None
        self._last: Address | None = None
        self._found = asyncio.Event()
        self._finder: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Timeout] = set()
        self._listening: AsyncExitStack | None = None

    @property
    def known(self) -> Address | None:
        """The address, unless it is being looked for."""
        return self._address

    async def address(self) -> Address:
        """Return the address; waits while it is being looked for, for which the caller sets the limit."""
        await self._listen()
        while self._address is None:
            if self._finder is None or self._finder.done():
                self._finder = asyncio.create_task(self._find())
            await self._found.wait()
        return self._address

    def suspect(self, address: Address | None, *, gone: bool = True) -> None:
        """Say that the master at `address` failed: it is looked for anew, unless it is known to be elsewhere by now.

        Args:
            address: where it was thought to be.
            gone: whether it looks as if it was no master any more; else it only refuses something for now.
        """
        if address is not None and address == self._address:
            log.debug("the master at %s:%d failed; looking for it", *address)
            self._suspect, self._address = address if gone else None, None
            self._found.clear()

    def moved(self, address: Address) -> None:
        """Say that the master is at `address`: whatever waits for another one is told at once."""
        if address == self._address:
            return
        self._settle(address)
        now = asyncio.get_running_loop().time()
        for watcher in self._watchers:
            watcher.reschedule(now)
        self._watchers.clear()

    @contextmanager
    def watched(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Let `limit` run out when the master moves while the block runs."""
        self._watchers.add(limit)
        try:
            yield
        finally:
            self._watchers.discard(limit)

    async def _find(self) -> None:
        while self._address is None:
            candidate = await self._sentinels.ask(self._suspect)
            if candidate is not None and await self._probe(candidate):
                if self._address is None:
                    self._settle(candidate)
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _settle(self, address: Address) -> None:
        if address != self._last:
            log.log(logging.WARNING if self._last else logging.INFO, "the master is at %s:%d", *address)
        self._address = self._last = address
        self._found.set()

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = AsyncExitStack()
            await self._listening.enter_async_context(background(self._sentinels.listen(self.moved)))

    async def aclose(self) -> None:
        """Stop looking and listening."""
        if self._listening is not None:
            await self._listening.aclose()
            self._listening = None
        while self._finder is not None and not self._finder.done():
            self._finder.cancel()
            await asyncio.wait([self._finder], timeout=0.2)
        await self._sentinels.aclose()
