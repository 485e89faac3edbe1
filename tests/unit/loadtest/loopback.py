"""A server on loopback that answers as its paths say, and a platform that asks it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from optimus_ops.loadtest.model import Flow, LoadPlatform, LoadResult, Profile, RequestClass
from optimus_ops.loadtest.plan import LoadPlan
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.text.console import Progress

ROOT = Path(__file__).parents[3]
K6_SCRIPT = ROOT / "loadtests" / "k6" / "load.js"
EVENT = b'data: {"content":"hello"}\n\n'
DONE = b"data: [DONE]\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        kind = self.path.strip("/").partition("/")[0]
        self.server.stall()
        if kind == "failing":
            self._whole(500, b"no")
        elif kind == "wrong":
            self._whole(200, b"something else")
        elif kind == "truncated":
            self._head(200, ("Content-Length", "100"))
            self.wfile.write(b"hello")
            self.close_connection = True
        elif kind == "reset":
            self.close_connection = True
        elif kind == "held":
            self.server.released.wait(30)
            self._whole(200, b"hello")
        elif kind == "hanging":
            self.server.ended.wait(5)
            self.close_connection = True
        elif kind in {"stream", "cut"}:
            self._head(200, ("Transfer-Encoding", "chunked"))
            for event in [EVENT, *([DONE] if kind == "stream" else [])]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self._whole(200, b"hello")
            self.server.answered()

    def _whole(self, status: int, body: bytes) -> None:
        self._head(status, ("Content-Length", str(len(body))))
        self.wfile.write(body)

    def _head(self, status: int, header: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header(*header)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


class Server(ThreadingHTTPServer):
    """Answers; after `stall_after` requests nobody gets an answer for `stall_seconds`.

    What is `held` has its answer once `release_after` other requests have theirs.
    """

    daemon_threads = True

    def __init__(self, stall_after: int = 0, stall_seconds: float = 0.0, release_after: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ended, self.released = threading.Event(), threading.Event()
        self._until_release = release_after
        self._left, self._seconds = stall_after, stall_seconds
        self._lock = threading.Lock()

    def stall(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                time.sleep(self._seconds)

    def answered(self) -> None:
        with self._lock:
            self._until_release -= 1
            if self._until_release == 0:
                self.released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(stall_after: int = 0, stall_seconds: float = 0.0, release_after: int = 0) -> Iterator[Server]:
    server = Server(stall_after, stall_seconds, release_after)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()


def offer(
    server: Server, profile: Profile, *, engine: str = "locust", workers: int = 1, progress: Progress | None = None
) -> LoadResult:
    """Make a load and return what was measured."""
    names = dict.fromkeys(flow.key.request_class for flow in profile.flows)
    base = RequestClass("ok", "server", 80)
    platform = LoadPlatform(
        (), (), ROOT, Path(__file__).parent / "loopback_locustfile.py", K6_SCRIPT, base, prepare=lambda: {"keys": {}}
    )
    paths = {name: f"/{name}" for name in names}
    plan = LoadPlan(profile, engine, workers, dict.fromkeys(names, server.url), paths)
    return LoadRun(plan, platform, ROOT).measure(progress or Progress("load"))


def profile_of(*flows: Flow, seconds: float = 2.0, timeout: float = 10.0, connections: int = 4) -> Profile:
    return Profile("test", flows, seconds=seconds, timeout=timeout, connections=connections)
