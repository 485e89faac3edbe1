"""Where the master is, as the sentinels say: what every writer goes by."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Whereabouts:
    """The master of now. Lives in one event loop.

    Args:
        master: its name.
        epoch: of the configuration in which it is that.
    """

    master: str
    epoch: int = -1
    _left: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    def told(self, master: str, epoch: int) -> None:
        """Take what a sentinel answered; one that has missed an election has an older epoch and is not believed."""
        if epoch > self.epoch:
            self.epoch = epoch
            self.heard(master)

    def heard(self, master: str) -> None:
        """Take what a sentinel published: that it switched to this master."""
        if master == self.master:
            return
        left = self._left.pop(self.master, None)
        if left is not None and not left.done():
            left.set_result(None)
        self.master = master

    def left(self, master: str) -> asyncio.Future[None]:
        """Return what is done when this server is no longer the master; at once if it isn't now."""
        if master != self.master:
            gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            gone.set_result(None)
            return gone
        if master not in self._left:
            self._left[master] = asyncio.get_running_loop().create_future()
        return self._left[master]
