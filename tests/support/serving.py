"""An application behind the services' own HTTP server, asked byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from optimus_kit.http_protocol import HttpProtocol
from optimus_kit.listener import bind
from optimus_kit.server import KEEP_ALIVE_SECONDS
from optimus_kit.websocket_protocol import WebSocketProtocol


@dataclass(frozen=True)
class Served:
    app: FastAPI
    port: int

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        # What the kernel would take of the sender at once could hide a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        return connection

    def ask(self, head: str, *body: bytes) -> bytes:
        """Send everything, only then look for the answer, as a balancer may; return it whole."""
        with self.connect() as connection:
            connection.sendall(f"{head}\r\n".encode())
            for part in body:
                connection.sendall(part)
            return received(connection)


def received(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def serving(app: FastAPI, http: type[HttpProtocol] = HttpProtocol) -> Iterator[Served]:
    """Serve an application in a thread until the block ends."""
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        http=http,
        ws=WebSocketProtocol,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield Served(app, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)
