"""A transport for services' HTTP clients that asks a function instead of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx

from optimus_kit.http_client import HttpRequest

Serve = Callable[[httpx.Request], httpx.Response]


class GivenAnswer:
    """An answer that is there already."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._content = response.content

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self._content

    def close(self) -> None:
        """Do nothing."""


class AnsweredBy:
    """Answers each request as a function does; what that raises is what the client gets."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    async def open(self, request: HttpRequest) -> GivenAnswer:
        """Ask the function."""
        asked = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        return GivenAnswer(self._serve(asked))

    async def aclose(self) -> None:
        """Do nothing."""
