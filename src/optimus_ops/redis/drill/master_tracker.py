"""The current master according to the sentinels; every writer follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class MasterTracker:
    """Tracks the master. Belongs to one event loop.

    Args:
        master: name of the current one.
        epoch: configuration epoch of the newest answer.
    """

    master: str
    epoch: int = -1
    _replaced: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    def on_answer(self, master: str, epoch: int) -> None:
        """Apply a sentinel's answer; one that missed an election has an older epoch and is ignored."""
        if epoch > self.epoch:
            self.epoch = epoch
            self.on_switch(master)

    def on_switch(self, master: str) -> None:
        """Apply a `+switch-master` that a sentinel published."""
        if master == self.master:
            return
        waiting = self._replaced.pop(self.master, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        self.master = master

    def replaced(self, master: str) -> asyncio.Future[None]:
        """Return a future that is done as soon as this server is not the master."""
        loop = asyncio.get_running_loop()
        if master == self.master:
            return self._replaced.setdefault(master, loop.create_future())
        done: asyncio.Future[None] = loop.create_future()
        done.set_result(None)
        return done
