"""The client: whole answers within bounds, or an answer whose body comes piece by piece."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from optimus_kit.http_client.errors import AnswerTooLarge, ReadTimeout
from optimus_kit.http_client.model import (
    NO_HEADERS,
    Answer,
    HttpRequest,
    StreamedAnswer,
    Timeouts,
    Transport,
    json_body,
)
from optimus_kit.http_client.pool import ConnectionPool

MAX_ANSWER_BYTES = 16 << 20
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Limits:
    """Connections at most, and the seconds that an unused one is kept: many servers close theirs after five."""

    connections: int = 64
    idle_seconds: float = 4.0


class HttpClient:
    """Sends requests; errors are `HttpError`s.

    Args:
        base_url: what paths are appended to; empty where whole URLs are given.
        limits: of the pool.
        timeouts: of requests that bring none of their own.
        max_bytes: of a whole answer, decoded.
        transport: how requests travel; a pool of connections by default.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
        transport: Transport | None = None,
    ) -> None:
        limits = limits or Limits()
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._max_bytes = max_bytes
        self._transport = transport or ConnectionPool(limits.connections, limits.idle_seconds)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def get(
        self, url: str, *, headers: Mapping[str, str] = NO_HEADERS, timeouts: Timeouts | None = None
    ) -> Answer:
        """Return the whole answer to a GET."""
        return await self._whole(self._request("GET", url, headers, None, timeouts))

    async def post(
        self, url: str, *, json: Any, headers: Mapping[str, str] = NO_HEADERS, timeouts: Timeouts | None = None
    ) -> Answer:
        """Return the whole answer to a POST of JSON."""
        return await self._whole(self._request("POST", url, {**JSON, **headers}, json_body(json), timeouts))

    async def open_post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] = NO_HEADERS, timeouts: Timeouts | None = None
    ) -> StreamedAnswer:
        """Return the answer to a POST of encoded JSON once its head is there; the caller closes it."""
        return await self.open(self._request("POST", url, {**JSON, **headers}, body, timeouts))

    async def open_get(
        self, url: str, *, headers: Mapping[str, str] = NO_HEADERS, timeouts: Timeouts | None = None
    ) -> StreamedAnswer:
        """Return the answer to a GET once its head is there; the caller closes it."""
        return await self.open(self._request("GET", url, headers, None, timeouts))

    async def open(self, request: HttpRequest) -> StreamedAnswer:
        """Send a request; what every request goes through."""
        return await self._transport.open(request)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeouts: Timeouts | None
    ) -> HttpRequest:
        return HttpRequest(method, self._base_url + url, headers, body, timeouts or self._timeouts)

    async def _whole(self, request: HttpRequest) -> Answer:
        try:
            async with asyncio.timeout(request.timeouts.total):
                answer = await self.open(request)
                try:
                    return Answer(answer.status, answer.headers, await read(answer, self._max_bytes))
                finally:
                    answer.close()
        except TimeoutError:
            raise ReadTimeout("no whole answer in time") from None


async def read(answer: StreamedAnswer, most: int) -> bytes:
    """Return the whole body.

    Raises:
        AnswerTooLarge: it has more than so many bytes.
        HttpError: its end never came.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in answer.chunks():
        size += len(chunk)
        if size > most:
            raise AnswerTooLarge(f"more than {most} bytes")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)
