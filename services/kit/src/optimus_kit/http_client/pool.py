"""Requests over aiohttp's connection pool.

No proxy of the environment, no cookies, no redirects. A connection that the server has closed is replaced before
anything is sent. A request that may have been sent is sent again, once, only where its method is safe to repeat
(RFC 9110, 9.2.2), never a POST: whoever asks knows better what that costs.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from optimus_kit.http_client.errors import PoolTimeout
from optimus_kit.http_client.exchange import HEADERS, Head, Target, connect, exchange
from optimus_kit.http_client.model import HttpRequest, Timeouts
from optimus_kit.http_client.tls import trust
from optimus_kit.http_client.translation import translated
from optimus_kit.interruption import time_limit

FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)
REPEATABLE = frozenset({"GET", "HEAD"})
TARGETS = 256
"""URLs whose heads are kept; some have an id in them."""


class PooledAnswer:
    """An answer, with its connection and its place in the pool; the connection is free once the body has come."""

    def __init__(self, connection: Connection, head: Head, places: asyncio.Semaphore) -> None:
        message, self._content = head
        self._connection = connection
        self._places = places
        self._open = True
        self.status = message.code
        self.headers = message.headers
        self._content.on_eof(connection.release)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what has come, as it comes."""
        content = self._content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error) from None

    def close(self) -> None:
        """Give connection and place back."""
        if self._open:
            self._open = False
            self._connection.release()
            self._places.release()


class ConnectionPool:
    """The transport; made outside of an event loop, it begins with the first request.

    Args:
        connections: at most, to all servers together.
        idle_seconds: how long an unused one is kept: less than servers do, so that none is closed while it is taken.
    """

    def __init__(self, connections: int, idle_seconds: float) -> None:
        self._places = asyncio.Semaphore(connections)
        self._idle_seconds = idle_seconds
        self._made: aiohttp.TCPConnector | None = None
        self._target = functools.lru_cache(TARGETS)(self._new_target)

    async def open(self, request: HttpRequest) -> PooledAnswer:
        """Send a request and return its answer once the head is there."""
        await self._take_place(request.timeouts.connect)
        try:
            with time_limit(request.timeouts.connect + request.timeouts.read):
                return await self._sent(request)
        except BaseException as error:
            self._places.release()
            if isinstance(error, FAILURES):
                raise translated(error) from None
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        if self._made is not None:
            await self._made.close()

    async def _sent(self, request: HttpRequest) -> PooledAnswer:
        target = self._target(request.method, request.url)
        try:
            return await self._send(request, target)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if request.method not in REPEATABLE:
                raise
        return await self._send(request, target)

    async def _send(self, request: HttpRequest, target: Target) -> PooledAnswer:
        connection = await connect(self._connector(), target, _limits(request.timeouts))
        try:
            return PooledAnswer(connection, await exchange(connection, target, request), self._places)
        except BaseException:
            connection.close()
            raise

    def _new_target(self, method: str, url: str) -> Target:
        """Make what requests to a URL have in common.

        Raises:
            ValueError: it is no URL of a server.
        """
        place = URL(url, encoded=True)
        if place.scheme not in {"http", "https"}:
            raise ValueError("neither http nor https")
        own = self._trust if place.scheme == "https" else True
        return Target(aiohttp.ClientRequest(method, place, headers=HEADERS, ssl=own, loop=asyncio.get_running_loop()))

    async def _take_place(self, seconds: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            with time_limit(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise PoolTimeout("no connection is free") from None

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        return trust()

    def _connector(self) -> aiohttp.TCPConnector:
        if self._made is None:
            # Names are looked up for each new connection: replicas come and go.
            self._made = aiohttp.TCPConnector(limit=0, keepalive_timeout=self._idle_seconds, use_dns_cache=False)
        return self._made


@functools.lru_cache(maxsize=64)
def _limits(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect, sock_read=timeouts.read)
