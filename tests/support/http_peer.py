"""A server of bytes on the loopback: what it answers is what a test says, right or wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[object]]
HEAD_END = b"\r\n\r\n"


@dataclass
class Peer:
    """Answers each request with the next of its answers, the last one again and again; keeps what it was asked."""

    answers: list[Answer]
    keep: bool = True
    scheme: str = "http"
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://localhost:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.requests.append(await read_request(reader))
                self.asked.set()
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
                if not self.keep:
                    break
            writer.close()
            self.closed.set()
        self.gone.set()
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Return a request, its body included."""
    head = await reader.readuntil(HEAD_END)
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


@asynccontextmanager
async def peer(*answers: Answer, keep: bool = True, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Run one; without `keep` it closes each connection after an answer."""
    made = Peer(list(answers), keep, "https" if tls else "http")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def whole(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer with a length."""
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((b"HTTP/1.1 " + status, length, *fields)) + HEAD_END + body


def chunked(*parts: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    """Return an answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + HEAD_END
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + last


def trickling(beginning: bytes, seconds: float) -> Answer:
    """Return an answer that never ends, of a byte now and then."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while not writer.is_closing():
            await writer.drain()
            await asyncio.sleep(seconds)
            writer.write(b"x")

    return write


async def silent(_writer: asyncio.StreamWriter) -> None:
    """Answer nothing, and keep the connection."""
    await asyncio.Event().wait()
