"""HTTP/1.1 as a load generator needs it: one request at a time on a connection that stays open, the least parsing.

A general client costs several times the processor time per request, taken on a small machine from what is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
TIMEOUT = 30.0


class BadAnswer(Exception):  # noqa: N818 - named for what it is
    """An answer that is not the expected one, or none."""


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True)
class Answer:
    """A response: its status and body."""

    status: int
    body: bytes


def chat_request(address: Address, key: str, text: str, model: str = "embedded", *, stream: bool = False) -> bytes:
    """Return the bytes of a completion request.

    Args:
        address: for the Host header.
        key: the tenant's.
        text: the user's message.
        model: which one is asked.
        stream: whether the answer shall come as a stream of events.
    """
    document = {"model": model, "messages": [{"role": "user", "content": text}], **({"stream": True} if stream else {})}
    body = json.dumps(document).encode()
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return head("POST /v1/chat/completions", address, key, *fields) + body


def list_request(address: Address, key: str) -> bytes:
    """Return the bytes of a request for the list of models."""
    return head("GET /v1/models", address, key)


def head(target: str, address: Address, key: str, *fields: str) -> bytes:
    """Return the head of a request: method and path, where to, whose it is, and further fields."""
    own = (f"Host: {address.host}:{address.port}", f"Authorization: Bearer {key}")
    return "\r\n".join((f"{target} HTTP/1.1", *own, *fields, "", "")).encode()


def parsed(received: bytes | bytearray) -> Answer | None:
    """Return the answer once all of it was received, before that None.

    Raises:
        BadAnswer: it is no HTTP/1.1, has no Content-Length, or more was received than it says.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = LENGTH.search(received, 0, end + 2)
    if not received.startswith(b"HTTP/1.1 ") or length is None:
        raise BadAnswer(f"not an answer with a length: {bytes(received[:80])!r}")
    missing = end + 4 + int(length[1]) - len(received)
    if missing < 0:
        raise BadAnswer(f"{-missing} bytes more than the answer's length")
    return None if missing else Answer(int(received[9:12]), bytes(received[end + 4 :]))


class Connection(asyncio.Protocol):
    """One open connection; ask one thing after the other."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Connect.

        Raises:
            OSError: nobody listens.
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, address.host, address.port)
        return connection

    @property
    def closed(self) -> bool:
        """Whether either side has closed it."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer.

        Raises:
            BadAnswer: there was none within 30 s, or it was malformed, or the connection ended.
        """
        if self._transport is None or self.closed:
            raise BadAnswer("the connection was closed between requests")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._answer = answer
        late = loop.call_later(TIMEOUT, self._fail, BadAnswer(f"no answer within {TIMEOUT:.0f} s"))
        self._transport.write(request)
        try:
            return await answer
        finally:
            late.cancel()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        # uvloop's transports have the same methods, but not the class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._received += data
        try:
            answer = parsed(self._received)
        except BadAnswer as error:
            self._fail(error)
            return
        if answer is not None:
            self._received.clear()
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._fail(BadAnswer(f"the connection was closed: {exc or 'by the server'}"))

    def _fail(self, error: BadAnswer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
