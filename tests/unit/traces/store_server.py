"""A server that answers as a store did, or as none should."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from optimus_ops.traces.store_address import parse_address
from optimus_ops.traces.store_http import StoreClient

ANSWERS = Path(__file__).parent / "tempo_answers"
PROTOBUF = "application/protobuf"
JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """One answer; `act` writes to the connection itself instead."""

    status: int = 200
    media_type: str = JSON
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[BaseHTTPRequestHandler], None] | None = None


def reply(document: Any, status: int = 200) -> Reply:
    """Return an answer in JSON."""
    return Reply(status, JSON, json.dumps(document).encode())


NOT_FOUND = Reply(404, "text/plain", b"404 page not found")
PAGE = Reply(200, "text/html; charset=utf-8", b"<!DOCTYPE html><html><body>Phoenix</body></html>")


def recorded(name: str) -> Reply:
    """Return what a real Tempo answered."""
    answer = json.loads((ANSWERS / f"{name}.json").read_text())
    body = answer["body"]
    if isinstance(body, dict):
        content = base64.b64decode(body["base64"]) if set(body) == {"base64"} else json.dumps(body).encode()
    else:
        content = str(body).encode()
    return Reply(answer["status"], answer["headers"].get("Content-Type", ""), content)


def recorded_path(name: str) -> str:
    """Return what that answer was asked by."""
    return str(json.loads((ANSWERS / f"{name}.json").read_text())["request"]["path"])


IDS = json.loads((ANSWERS / "ids.json").read_text())


@dataclass
class StoreServer:
    """Answers by path, without what follows `?`; a path that ends with `*` stands for all that begin so.

    `asked` has each request: its path with the query, and its headers.
    """

    replies: dict[str, Reply]
    port: int = 0
    host: str = "127.0.0.1"
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def reply_to(self, target: str) -> Reply:
        """Return the answer to a path."""
        path = urlsplit(target).path
        patterns = [pattern for pattern in self.replies if pattern.endswith("*") and path.startswith(pattern[:-1])]
        return self.replies.get(path) or (self.replies[max(patterns, key=len)] if patterns else NOT_FOUND)

    def client(self, **given: Any) -> StoreClient:
        """Return a client of it."""
        return StoreClient(parse_address(f"http://{self.host}:{self.port}", "--tempo", {}), **given)


@contextlib.contextmanager
def serving(replies: Mapping[str, Reply], port: int = 0) -> Iterator[StoreServer]:
    """Run a server; at a given port it has an address of its own."""
    host = "127.0.0.1" if not port else f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250}.{port % 250 + 1}"
    server = StoreServer(dict(replies), host=host)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            found = server.reply_to(self.path)
            with contextlib.suppress(ConnectionError):
                if found.act is not None:
                    found.act(self)
                    return
                self.send_response(found.status)
                self.send_header("Content-Type", found.media_type)
                for name, value in {"Content-Length": str(len(found.content)), **found.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(found.content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return

    with Server((host, port), Handler) as listening:
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def tempo() -> dict[str, Reply]:
    """Return what a real Tempo answers."""
    return {
        "/ready": recorded("ready"),
        "/api/echo": recorded("echo"),
        "/api/status/buildinfo": recorded("buildinfo"),
        "/api/v2/traces/*": recorded("v2-absent"),
        f"/api/v2/traces/{IDS['trace_id']}": recorded("v2-by-id"),
        f"/api/v2/traces/{IDS['error_trace_id']}": recorded("v2-error"),
        "/api/traces/*": recorded("v1-absent"),
        f"/api/traces/{IDS['trace_id']}": recorded("v1-by-id-protobuf"),
        "/api/search": recorded("search-found"),
    }


def old_tempo() -> dict[str, Reply]:
    """Return what a Tempo before v2 answers."""
    return {path: found for path, found in tempo().items() if not path.startswith("/api/v2/")}


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Cut the connection hard."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """Write a byte now and then, until nobody reads."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Slow: ")
    pause = threading.Event()
    while not pause.wait(0.02):
        handler.wfile.write(b"x")


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Write garbage until nobody reads."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\n\r\n")
    while True:
        handler.wfile.write(b"\x00garbage" * 8192)


def cut_short(content: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return what announces a body and ends in its midst."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        handler.wfile.write(head + content[: len(content) // 2])
        handler.close_connection = True

    return act


def half_a_head(handler: BaseHTTPRequestHandler) -> None:
    """End in the midst of the headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
    handler.close_connection = True


def no_http(handler: BaseHTTPRequestHandler) -> None:
    """Answer with another protocol."""
    handler.wfile.write(b"+PONG\r\n")
    handler.close_connection = True
