"""A listener for /metrics and nothing else, for processes that serve no HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

from optimus_kit.metrics.exposition import Metrics
from optimus_kit.settings import SettingsError

MAX_REQUEST_BYTES = 8192
MAX_CONNECTIONS = 16
REQUEST_SECONDS = 5.0
ANSWER_SECONDS = 10.0
LINE_PARTS = 3


@dataclass(frozen=True)
class Request:
    """What matters of a request."""

    method: str
    path: str
    accept: str | None


@dataclass(frozen=True)
class Answer:
    """An answer."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"

    def encoded(self, *, head: bool = False) -> bytes:
        """Return it as it is sent; without its body upon HEAD."""
        lines = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
            *(("Allow: GET, HEAD",) if self.status is HTTPStatus.METHOD_NOT_ALLOWED else ()),
        )
        return "\r\n".join((*lines, "", "")).encode("ascii") + (b"" if head else self.body)


def parse_request(head: bytes) -> Request | None:
    """Read a request up to its empty line; None where it is none."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != LINE_PARTS or not parts[2].startswith("HTTP/1."):
        return None
    fields = (line.partition(":") for line in lines[1:])
    accepted = [value.strip() for name, _, value in fields if name.lower() == "accept"]
    return Request(parts[0], parts[1].partition("?")[0], ",".join(accepted) or None)


class _Listener:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        self._connections += 1
        try:
            # Whoever is slow, gone or in numbers only loses the connection.
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                if self._connections <= MAX_CONNECTIONS:
                    writer.write(await self._answer(reader))
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await writer.drain()
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                request = parse_request(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            return Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE).encoded()
        if request is None:
            return Answer(HTTPStatus.BAD_REQUEST).encoded()
        head = request.method == "HEAD"
        if request.path != "/metrics":
            return Answer(HTTPStatus.NOT_FOUND).encoded(head=head)
        if request.method not in {"GET", "HEAD"}:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED).encoded()
        text, content_type = await self._metrics.exposition(request.accept)
        return Answer(HTTPStatus.OK, text, content_type).encoded(head=head)


@asynccontextmanager
async def listening(metrics: Metrics, host: str, port: int) -> AsyncIterator[int]:
    """Answer at a port until the block ends; gives the port. Port 0 listens to nothing.

    Raises:
        SettingsError: the port can't be had.
    """
    if port == 0:
        yield 0
        return
    try:
        server = await asyncio.start_server(_Listener(metrics).serve, host, port, limit=MAX_REQUEST_BYTES)
    except OSError as error:
        raise SettingsError(
            f"METRICS_PORT={port}: cannot listen on {host}:{port} ({error.strerror}); give another one, or 0 for none"
        ) from None
    try:
        yield port
    finally:
        # Who is being answered is not waited for: the process ends.
        server.close()
