"""Requests over aiohttp's connection pool.

No proxy of the environment, no cookies, no redirects. A connection that the server has closed is replaced before
anything is sent. A request that may have been sent is sent again only where its method is safe to repeat (RFC 9110,
9.2.2; aiohttp does that once), never a POST: whoever asks knows better what that costs.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Iterator

import aiohttp
from aiohttp import hdrs
from yarl import URL

from optimus_kit.http_client.errors import PoolTimeout
from optimus_kit.http_client.model import HttpRequest, Timeouts
from optimus_kit.http_client.tls import trust
from optimus_kit.http_client.translation import translated

# A head of the size that h11 took before.
MAX_LINE = MAX_FIELD = 64 << 10
HEADERS = {hdrs.USER_AGENT: "optimus", hdrs.ACCEPT: "*/*", hdrs.ACCEPT_ENCODING: "gzip, deflate"}


class PooledAnswer:
    """An answer, with its place in the pool."""

    def __init__(self, response: aiohttp.ClientResponse, places: asyncio.Semaphore) -> None:
        self._response = response
        self._places = places
        self._open = True
        self.status = response.status
        self.headers = response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what has come, as it comes."""
        content = self._response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error) from None

    def close(self) -> None:
        """Give connection and place back."""
        if self._open:
            self._open = False
            self._response.release()
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
        self._made: aiohttp.ClientSession | None = None

    async def open(self, request: HttpRequest) -> PooledAnswer:
        """Send a request and return its answer once the head is there."""
        await self._take_place(request.timeouts.connect)
        try:
            with _translating():
                response = await self._head(request)
        except BaseException:
            self._places.release()
            raise
        return PooledAnswer(response, self._places)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._made is not None:
            await self._made.close()

    async def _head(self, request: HttpRequest) -> aiohttp.ClientResponse:
        timeouts = request.timeouts
        # aiohttp forgets its deadline for reading once a 1xx has come.
        async with asyncio.timeout(timeouts.connect + timeouts.read):
            return await self._session().request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.headers,
                timeout=_limits(timeouts),
                allow_redirects=False,
                ssl=self._trust if request.url.startswith("https:") else True,
            )

    async def _take_place(self, seconds: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise PoolTimeout("no connection is free") from None

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        return trust()

    def _session(self) -> aiohttp.ClientSession:
        if self._made is None:
            # Names are looked up for each new connection: replicas come and go.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=self._idle_seconds, use_dns_cache=False)
            self._made = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=HEADERS,
                trust_env=False,
                max_line_size=MAX_LINE,
                max_field_size=MAX_FIELD,
            )
        return self._made


@functools.lru_cache(maxsize=64)
def _limits(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect, sock_read=timeouts.read)


@contextlib.contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise translated(error) from None
