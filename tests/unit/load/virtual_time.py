"""Time as a value: an event loop whose clock jumps to the next timer, and servers that live in it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class JumpingSelector(selectors.SelectSelector):
    """Passes no time: where a loop would wait for a timer, its clock is set instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen")
        self.now += max(timeout, 0)
        return super().select(0)


class MemoryTransport(asyncio.Transport):
    """A connection to `server`, which is called with what is sent and may answer at any time."""

    def __init__(self, protocol: asyncio.BaseProtocol, server: Callable[[MemoryTransport, bytes], None]) -> None:
        super().__init__()
        self.protocol = protocol
        self._server = server
        self._closing = False
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._server(self, bytes(data))

    def answer(self, data: bytes, after: float = 0.0) -> None:
        asyncio.get_running_loop().call_later(after, lambda: self._deliver(data))

    def is_closing(self) -> bool:
        return self._closing

    def abort(self) -> None:
        self._closing = True
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def _deliver(self, data: bytes) -> None:
        if not self._closing:
            assert isinstance(self.protocol, asyncio.Protocol)
            self.protocol.data_received(data)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Each connection goes to `server`."""

    def __init__(self, server: Callable[[MemoryTransport, bytes], None]) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)
        self._server = server
        self.connections = 0

    def time(self) -> float:
        return self._jumping.now

    async def create_connection(self, protocol_factory: Callable[[], Any], *_: Any, **__: Any) -> tuple[Any, Any]:
        self.connections += 1
        protocol = protocol_factory()
        return MemoryTransport(protocol, self._server), protocol


def run_virtually(
    server: Callable[[MemoryTransport, bytes], None],
    main: Callable[[Callable[[], float]], Coroutine[Any, Any, None]],
) -> VirtualTimeLoop:
    """Run what `main` makes of the loop's clock to its end."""
    loop = VirtualTimeLoop(server)
    try:
        loop.run_until_complete(main(loop.time))
    finally:
        loop.close()
    return loop
