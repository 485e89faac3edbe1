"""`/metrics` of a replica, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from optimus_ops.engine.replica_metrics import replica_metrics
from optimus_ops.model.state import Replica

TEXT = "http_server_active_requests 7\n"


@contextmanager
def serving(status: int) -> Iterator[int]:
    """Answer every request with a status and the text; give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(TEXT.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def replica(*addresses: str) -> Replica:
    places = {f"net{number}": address for number, address in enumerate(addresses)}
    return Replica("id1", "web-1", "web", 1, "web", "sha256:1", "running", None, "web", places, None, 0, "node")


def test_the_first_address_that_answers_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # No proxy of the environment is asked.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(200) as port:
        assert replica_metrics(replica("", "127.0.0.2", "127.0.0.1"), port, 5.0) == TEXT


@pytest.mark.parametrize("status", [404, 503])
def test_an_error_is_no_answer(status: int) -> None:
    with serving(status) as port:
        assert replica_metrics(replica("127.0.0.1"), port, 5.0) is None


def test_without_an_address_nobody_is_asked() -> None:
    assert replica_metrics(replica(), 1, 5.0) is None
