"""Writes of one step of the event loop as one system call.

uvloop sends each write at once: an answer's head and body are two, and so is each token of a stream, also where several
have come together because the service is busy.
"""

import asyncio
from typing import Any

MOST_BYTES = 64 << 10


class BatchingTransport:
    """A transport that sends what was written when the loop's step is over, or MOST_BYTES are there; else its own.

    Args:
        transport: of a connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes soon."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= MOST_BYTES:
            self._flush()

    def write_eof(self) -> None:
        """Send what was written, and the end of it."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes were written and are not sent."""
        return self._size + self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
