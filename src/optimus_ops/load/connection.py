"""One connection: a request, then its answer, parsed by llhttp (httptools)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from optimus_ops.load.result import ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.load.request import Endpoint


@dataclass(slots=True)
class Response:
    """An answer, filled in as it arrives.

    Args:
        status: 0 before there is one.
        headers: those that the endpoint keeps, names in lower case.
        body: decoded from chunks; a stream's events one behind the other.
        first_byte: moment on the generator's clock.
        keep_alive: whether the server will answer further requests on the connection.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    first_byte: float | None = None
    keep_alive: bool = False


class ExchangeError(Exception):
    """A request without a complete answer."""

    def __init__(self, kind: ErrorKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


class Connection(asyncio.Protocol):
    """Sends one request at a time; `open` makes one."""

    def __init__(self, kept_headers: frozenset[bytes], clock: Callable[[], float]) -> None:
        self._kept_headers = kept_headers
        self._clock = clock
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None
        self._response = Response()
        self._complete = False

    @classmethod
    async def open(cls, endpoint: Endpoint, clock: Callable[[], float]) -> Connection:
        """Connect.

        Raises:
            OSError: the server can't be reached.
        """
        kept = frozenset(name.encode("latin-1") for name in endpoint.kept_headers)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(kept, clock), endpoint.host, endpoint.port)
        return connection

    @property
    def usable(self) -> bool:
        """Whether a request can be sent: neither side has closed."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, content: bytes, response: Response) -> None:
        """Send a request and fill in its response.

        Raises:
            ExchangeError: the connection ended first, or what came is no answer; `response` has what there was.
        """
        if self._transport is None or self._transport.is_closing():
            raise ExchangeError(ErrorKind.CONNECT)
        self._response, self._complete = response, False
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        await self._answered

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; uvloop's have the methods of asyncio's but not the class."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse; an answer counts once all that arrived with it has been parsed, too."""
        if self._response.first_byte is None:
            self._response.first_byte = self._clock()
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._end(ErrorKind.MALFORMED)
            self.close()
        else:
            if self._complete:
                self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - what ended it doesn't matter
        """Fail the request that waits for its answer."""
        self._end(ErrorKind.TRUNCATED if self._response.status else ErrorKind.RESET)

    def on_message_begin(self) -> None:
        """Refuse an answer that nobody asked for (httptools reports it as an error of parsing)."""
        if self._complete or self._answered is None or self._answered.done():
            raise ExchangeError(ErrorKind.MALFORMED)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header that the endpoint wants."""
        if (lower := name.lower()) in self._kept_headers:
            self._response.headers[lower.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note the status, which makes an answer that ends now a truncated one."""
        self._response.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._response.body += body

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        self._response.keep_alive = self._parser.should_keep_alive()
        self._complete = True

    def _end(self, error: ErrorKind | None) -> None:
        if self._answered is None or self._answered.done():
            return
        if error is None:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(ExchangeError(error))
