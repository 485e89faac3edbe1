"""Lingering close: a connection is closed for writing first, and what the client still sends is read and thrown away.

A socket that is closed with unread data resets the connection. A balancer that is just sending sees a failed replica
then, not the answer, and counts it against the replica; a client may lose an answer that has reached its machine.
RFC 9112, section 9.6: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.6
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LingerLimits:
    """How long a client is listened to after its answer.

    Args:
        seconds: from the answer's end.
        size: bytes. Far more than the balancer lets through (client_max_body_size), and soon thrown away.
    """

    seconds: float = 5.0
    size: int = 16 << 20


class LingeringTransport:
    """A transport whose `close` lingers; everything else is the transport's own.

    Args:
        transport: of an accepted TCP connection.
        limits: after which it is closed, whatever the client does.
    """

    def __init__(self, transport: asyncio.Transport, limits: LingerLimits) -> None:
        self._transport = transport
        self._limits = limits
        self._closing = False
        self._discarding: _Discarding | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the transport."""
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Tell whether `close` was called, or the connection is lost."""
        return self._closing or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes; nothing once it is closing."""
        if not self._closing:
            self._transport.write(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol; once it is closing, only its end."""
        if self._discarding is None:
            self._transport.set_protocol(protocol)
        else:
            self._discarding.owner = protocol

    def close(self) -> None:
        """Send what was written and the end of it, then read until the client ends or a limit is reached."""
        if self._closing:
            return
        self._closing = True
        if self._transport.is_closing():
            return
        self._discarding = _Discarding(self._transport.get_protocol(), self._transport, self._limits)
        self._transport.set_protocol(self._discarding)
        # A client that is gone already has nothing left to be told, and nothing to send.
        with contextlib.suppress(OSError, RuntimeError):
            self._transport.write_eof()
            self._transport.resume_reading()


class _Discarding(asyncio.Protocol):
    """Reads and forgets, then tells the protocol before it that the connection is lost."""

    def __init__(self, owner: asyncio.BaseProtocol, transport: asyncio.Transport, limits: LingerLimits) -> None:
        self.owner = owner
        self._transport = transport
        self._left = limits.size
        self._timer = asyncio.get_running_loop().call_later(limits.seconds, transport.close)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def pause_writing(self) -> None:
        self.owner.pause_writing()

    def resume_writing(self) -> None:
        self.owner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self.owner.connection_lost(exc)
