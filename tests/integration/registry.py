"""A registry of images on a port of the loopback interface, in memory: enough to push to, pull from and ask.

API: https://distribution.github.io/distribution/spec/api/
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
BLOB = re.compile(r"/v2/.+/blobs/(sha256:.+)")
UNKNOWN = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'


class Registry(ThreadingHTTPServer):
    """What was pushed, and how often something was asked for."""

    def __init__(self) -> None:
        """Listen on a free port; the engine speaks HTTP to registries on the loopback interface."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.asked = 0

    @property
    def address(self) -> str:
        """Return what names of its images begin with."""
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing."""

    def do_GET(self) -> None:
        """Give a manifest or a blob."""
        path = self.path.partition("?")[0]
        self.server.asked += 1
        if path == "/v2/":
            self._answer(200, b"{}")
        elif (asked := MANIFEST.fullmatch(path)) and (found := self.server.manifests.get((asked[1], asked[2]))):
            self._answer(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": _digest(found[1])})
        elif (asked := BLOB.fullmatch(path)) and asked[1] in self.server.blobs:
            self._answer(200, self.server.blobs[asked[1]], {"Docker-Content-Digest": asked[1]})
        else:
            self._answer(404, UNKNOWN, {"Content-Type": "application/json"})

    def do_HEAD(self) -> None:
        """Give the same without its content."""
        self.do_GET()

    def do_POST(self) -> None:
        """Begin an upload; an upload's path is its name."""
        self._body()
        self._answer(202, headers={"Location": f"{self.path.partition('?')[0]}{id(self)}", "Range": "0-0"})

    def do_PATCH(self) -> None:
        """Take a part of an upload."""
        path = self.path.partition("?")[0]
        self.server.blobs[path] = self.server.blobs.get(path, b"") + self._body()
        self._answer(202, headers={"Location": path, "Range": f"0-{len(self.server.blobs[path]) - 1}"})

    def do_PUT(self) -> None:
        """Take a manifest, or end an upload."""
        path, _mark, query = self.path.partition("?")
        body = self._body()
        digest = _digest(body)
        if asked := MANIFEST.fullmatch(path):
            for reference in (asked[2], digest):
                self.server.manifests[asked[1], reference] = (str(self.headers["Content-Type"]), body)
        else:
            (digest,) = parse_qs(query)["digest"]
            self.server.blobs[digest] = self.server.blobs.pop(path, b"") + body
        self._answer(201, headers={"Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def running_registry() -> Iterator[Registry]:
    """Run a registry."""
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever, daemon=True)
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()
