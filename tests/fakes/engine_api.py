"""The Docker engine's API on a socket: it answers what a test wrote down, over HTTP, and notes what it was asked."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socketserver
import struct
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """One answer: a JSON value, or pieces that are streamed.

    Args:
        pieces: streamed in place of `value`.
        cut: whether the connection ends before the answer does, as when the engine is killed.
    """

    value: Any = None
    status: int = 200
    pieces: Sequence[bytes] | None = None
    cut: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, message: str) -> Reply:
    """Return an error as the engine words it."""
    return Reply({"message": message}, status)


def output(text: str, *, stream: int = 1) -> bytes:
    """Return output of a container as the engine frames it."""
    return struct.pack(">BxxxL", stream, len(text.encode())) + text.encode()


@dataclass
class EngineApi:
    """What it answers, and what it was asked.

    Args:
        address: of its socket, as `DOCKER_HOST` has it.
        replies: "GET /containers/a/json" -> its answers, one after the other; the last one is given from then on.
            What isn't in it is answered with 404.
        asked: requests with their query, in their order, without what asks for the version.
    """

    address: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def on(self, request: str, *replies: Reply) -> None:
        """Answer a request from now on."""
        self.replies[request] = list(replies)

    def reply_to(self, method: str, target: str) -> Reply:
        """Return the next answer to a request."""
        path = re.sub(r"^/v\d+\.\d+", "", target)
        request = f"{method} {path.partition('?')[0]}"
        if request != "GET /version":
            self.asked.append(f"{method} {path}")
        left = self.replies.get(request, [refusal(404, f"no such thing: {path}")])
        return left.pop(0) if len(left) > 1 else left[0]


@contextlib.contextmanager
def engine_api() -> Iterator[EngineApi]:
    """Serve the API while the context is entered."""
    # Paths of sockets are short.
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        path = Path(folder, "api.sock")
        api = EngineApi(f"unix://{path}")
        api.on("GET /version", Reply({"ApiVersion": "1.44", "Version": "28.0.0"}))
        api.on("GET /info", Reply({"Name": "here", "DockerRootDir": "/srv/docker", "MemTotal": 8, "NCPU": 2}))

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            block_on_close = False

        with Server(os.fspath(path), _handler(api)) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield api
            finally:
                server.shutdown()


def _handler(api: EngineApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            return

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = api.reply_to(self.command, self.path)
            body = json.dumps(reply.value).encode() if reply.value is not None else b""
            self.send_response(reply.status)
            for name, value in {"Content-Type": JSON, **reply.headers}.items():
                self.send_header(name, value)
            if reply.pieces is None:
                self.send_header("Content-Length", str(len(body) + (9 if reply.cut else 0)))
                self.end_headers()
                self.wfile.write(body)
            else:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in reply.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"" if reply.cut else b"0\r\n\r\n")
            self.close_connection = self.close_connection or reply.cut

        do_GET = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - named by the library

    return Handler
