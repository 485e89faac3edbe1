"""A collector on loopback that answers by a script, byte by byte if need be."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from httptools import HttpParserError, HttpRequestParser

OTLP = "Content-Type: application/x-protobuf\r\n"


@dataclass
class Request:
    """What was asked."""

    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class FakeCollector:
    """Where it listens, and what it was asked so far; `connections` counts them."""

    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Of its traces."""
        return f"http://127.0.0.1:{self.port}/v1/traces"


Reply = bytes | Callable[[socket.socket], None]
"""Bytes to send; or what deals with the connection, which is closed afterwards."""


def answer(status: str = "200 OK", headers: str = "", body: bytes = b"") -> bytes:
    """An answer with a length."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def collecting(*replies: Reply, tls: ssl.SSLContext | None = None) -> Iterator[FakeCollector]:
    """A collector that gives the replies one after the other, the last again and again, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        collector = FakeCollector(listener.getsockname()[1])
        open_sockets: list[socket.socket] = []
        thread = threading.Thread(target=_serve, args=(listener, collector, list(replies), tls, open_sockets))
        thread.start()
        try:
            yield collector
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in open_sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(
    listener: socket.socket,
    collector: FakeCollector,
    replies: list[Reply],
    tls: ssl.SSLContext | None,
    open_sockets: list[socket.socket],
) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        collector.connections += 1
        open_sockets.append(connection)
        with suppress(OSError, HttpParserError):
            if tls:
                connection = tls.wrap_socket(connection, server_side=True)
                open_sockets.append(connection)
            _converse(connection, collector, replies)
        connection.close()


def _converse(connection: socket.socket, collector: FakeCollector, replies: list[Reply]) -> None:
    while (request := _read(connection)) is not None:
        collector.requests.append(request)
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if not isinstance(reply, bytes):
            reply(connection)
            return
        connection.sendall(reply)


def _read(connection: socket.socket) -> Request | None:
    request, complete = Request(), False

    class Reading:
        def on_url(self, url: bytes) -> None:
            request.path += url.decode()

        def on_header(self, name: bytes, value: bytes) -> None:
            request.headers[name.decode().lower()] = value.decode("latin-1")

        def on_body(self, body: bytes) -> None:
            request.body += body

        def on_message_complete(self) -> None:
            nonlocal complete
            complete = True

    parser = HttpRequestParser(Reading())
    while not complete:
        if not (data := connection.recv(65_536)):
            return None
        parser.feed_data(data)
    return request
