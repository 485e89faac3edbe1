"""Small HTTP servers that answer, refuse or break off on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from optimus_ops.load.request import Endpoint

END = b"\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@asynccontextmanager
async def server(answer: Callable[[bytes], bytes], *, keep: bool = True) -> AsyncIterator[Endpoint]:
    """Answer each request, body included, with what `answer` makes of it; without `keep` close the connection then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(END):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                content = answer(head + await reader.readexactly(int(length or 0)))
                writer.write(content)
                if not (content and keep):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        host, port = running.sockets[0].getsockname()
        yield Endpoint(host, port, kept_headers=frozenset({"x-served-by"}))


def whole(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with a length."""
    length = b"content-length: " + str(len(body)).encode()
    return b"\r\n".join((b"HTTP/1.1 " + status, length, *fields)) + END + body


def chunked(*parts: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    """An answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\nX-Served-By: one\r\ntransfer-encoding: chunked" + END
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + last
