"""`python -m scripts.dashboards.check` against stores that answer well, refuse, or answer nothing of use."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from scripts.dashboards.check import main

Answer = Callable[[str], tuple[int, Any]]
SERIES = {"data": {"result": [{"metric": {}, "value": [0, "1"]}]}}
NOTHING: dict[str, Any] = {"data": {"result": []}}


@pytest.fixture
def store() -> Iterator[Callable[[Answer], str]]:
    """Return what starts a store that answers each query by a function, and returns its address."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, document = answer(parse_qs(urlsplit(self.path).query)["query"][0])
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_queries_that_all_return_data_are_well(
    store: Callable[[Answer], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--prometheus", store(lambda _query: (200, SERIES))]) == 0
    said = capsys.readouterr().out.split()
    assert said[0] == said[2]


def test_a_query_without_data_is_named(store: Callable[[Answer], str], capsys: pytest.CaptureFixture[str]) -> None:
    empty = "max by (state) (optimus_queue_messages)"
    assert main(["--prometheus", store(lambda query: (200, NOTHING if query == empty else SERIES))]) == 1
    said = capsys.readouterr().out
    assert f"Messages: no data\n    {empty}" in said
    assert said.count("no data") == 1


def test_what_has_a_reason_to_be_empty_is_named_and_no_failure(
    store: Callable[[Answer], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--prometheus", store(lambda query: (200, NOTHING if "otelcol_" in query else SERIES))]) == 0
    assert "- Optimus: telemetry" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((400, b"parse error: unexpected end"), "400: parse error: unexpected end"),
        ((200, b"<html>"), "its answer is no list"),
        ((200, {"data": 1}), "its answer is no list"),
        ((200, b"[" * 100_000), "its answer is no list"),
    ],
    ids=["refused", "page", "garbage", "nested"],
)
def test_a_refusal_is_a_failure_whatever_the_query_names(
    answer: tuple[int, Any], said: str, store: Callable[[Answer], str], capsys: pytest.CaptureFixture[str]
) -> None:
    address = store(lambda query: answer if "otelcol_" in query else (200, SERIES))
    assert main(["--prometheus", address]) == 1
    assert f"! Optimus: telemetry / Refused or failed in Alloy: {said}" in capsys.readouterr().out


def test_without_an_address_the_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "an address is missing" in capsys.readouterr().err


def test_an_address_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--loki", "nonsense"])
    assert ended.value.code == 2
    assert "--loki: nonsense is no address" in capsys.readouterr().err
