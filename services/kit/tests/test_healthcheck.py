"""The container's health check, as it is called."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"


class Handler(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_request(self, *_: object) -> None:
        return


class Failing(Handler):
    status = 503


@pytest.fixture
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), request.param)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def check(port: str) -> int:
    program = [sys.executable, "-S", "-m", "optimus_kit.healthcheck"]
    environ = {"PORT": port, "PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    return subprocess.run(program, env=environ, capture_output=True, check=False).returncode


@pytest.mark.parametrize(("port", "code"), [(Handler, 0), (Failing, 1)], indirect=["port"])
def test_the_exit_code_is_what_health_says(port: int, code: int) -> None:
    assert check(str(port)) == code


def test_no_answer_and_no_port_are_failures() -> None:
    assert check("9") == 1
    assert check("") == 1
