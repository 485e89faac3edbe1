"""One connection: a request, then its answer, parsed by llhttp (httptools)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from optimus_ops.load.request import Endpoint
from optimus_ops.load.result import ErrorKind


@dataclass(slots=True)
class Response:
    """An answer, filled in as it arrives: status 0 before there is one, its body decoded from chunks.

    Headers are those that the endpoint keeps, names in lower case; `first_byte` is a time on the generator's clock.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    first_byte: float | None = None
    keep_alive: bool = False


class Connection(asyncio.Protocol):
    """Sends one request at a time; `open` makes one."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        self._kept_headers = {name.encode("latin-1") for name in endpoint.kept_headers}
        self._timeout = endpoint.timeout
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[ErrorKind | None] | None = None
        self._response = Response()
        self._complete = False

    @classmethod
    async def open(cls, endpoint: Endpoint, clock: Callable[[], float]) -> Connection:
        """Connect; raise OSError where the server can't be reached, or not in time."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(endpoint.timeout):
            _, opened = await loop.create_connection(lambda: cls(endpoint, clock), endpoint.host, endpoint.port)
        return opened

    @property
    def usable(self) -> bool:
        """Whether a request can be sent: neither side has closed."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, content: bytes, response: Response) -> ErrorKind | None:
        """Send a request and fill in its response; return why that is incomplete, None if it is complete."""
        if self._transport is None or self._transport.is_closing():
            return ErrorKind.CONNECT
        self._response, self._complete = response, False
        self._answered = self._loop.create_future()
        # asyncio.timeout would add a tenth to the cost of a request.
        timer = self._loop.call_later(self._timeout, self._end, ErrorKind.TIMEOUT)
        self._transport.write(content)
        try:
            return await self._answered
        finally:
            timer.cancel()

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
        """Refuse an answer that nobody asked for; httptools makes an HttpParserError of what a callback raises."""
        if self._complete or self._answered is None or self._answered.done():
            raise ValueError("an answer without a request")

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
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(error)
