"""Answers of the HTTP server itself: they say which request they answer, as those of the application do."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, WebSocket
from tests.support.serving import Served, received, serving
from tests.support.span_recorder import recording_spans

from optimus_kit.app import create_app
from optimus_kit.http_protocol import HttpProtocol
from optimus_kit.lingering_close import LingerLimits
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings

IDS = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
OURS = f"traceparent: 00-{IDS}-01\r\nX-Request-Id: mine\r\n"
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SOCKET = f"{UPGRADE}Sec-WebSocket-Version: 13\r\n"
GET = "GET /ws HTTP/1.1\r\nHost: x\r\n"
CHUNKS = "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
MALFORMED = {
    "header": (f"{GET}{OURS}X: a\x01b\r\n", 400),
    "body": (f"{CHUNKS}{OURS}\r\nno-size\r\n", 400),
    "handshake without a version": (f"{GET}{OURS}{UPGRADE}", 400),
    "handshake of another method": (f"POST /ws HTTP/1.1\r\nHost: x\r\n{OURS}{SOCKET}", 405),
    "handshake that is too long": (f"{GET}{OURS}{SOCKET}X: {'x' * 9000}\r\n", 431),
    "handshake with a body": (f"{GET}{OURS}{SOCKET}Transfer-Encoding: chunked\r\n", 400),
}
UNKNOWN = {
    "no HTTP": "\x16\x03\x01\r\n",
    "method": f"NONSENSE / HTTP/1.1\r\n{OURS}",
    "version": f"GET / HTTP/9.1\r\n{OURS}",
    "header before the ids": f"GET / HTTP/1.1\r\nX: a\x01b\r\n{OURS}",
    "hostile ids": f"{GET}traceparent: 00-{IDS}-01\r\ntraceparent: 00-{IDS}-01\r\nX-Request-Id: a b\r\nX: a\x01b\r\n",
}


class Impatient(HttpProtocol):
    limits = LingerLimits(seconds=0.2)


def build() -> FastAPI:
    app = create_app(ServiceSettings(service="demo", port=0, secrets=SecretFolder(Path("/nonexistent"))), checks={})

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.websocket("/ws")
    async def never_answers(websocket: WebSocket) -> None:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    return app


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(build()) as served:
        yield served


def said(answer: bytes, name: str) -> list[str]:
    head = answer.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")[0].decode("latin-1")
    return re.findall(rf"(?im)^{name}: (.*?)\r?$", head)


def status(answer: bytes) -> int:
    return int(answer.rpartition(b"HTTP/1.1 ")[2].split()[0])


@pytest.mark.parametrize(("request_text", "wanted"), MALFORMED.values(), ids=MALFORMED)
def test_they_say_the_ids_of_a_request_once(served: Served, request_text: str, wanted: int) -> None:
    answer = served.ask(request_text)
    assert status(answer) == wanted
    assert said(answer, "x-trace-id") == [IDS[:32]]
    assert said(answer, "x-request-id") == ["mine"]
    assert len(said(answer, "date")) == 1


@pytest.mark.parametrize("request_text", UNKNOWN.values(), ids=UNKNOWN)
def test_where_a_request_has_none_they_are_made(served: Served, request_text: str) -> None:
    answers = [served.ask(request_text), served.ask(request_text)]
    assert [status(answer) for answer in answers] == [400, 400]
    first, second = (said(answer, "x-trace-id") + said(answer, "x-request-id") for answer in answers)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in first + second)
    assert not {*first, *second} & {IDS[:32], "0" * 32}
    assert len({*first, *second}) == 4


def test_a_request_that_turns_out_malformed_keeps_the_ids_it_was_given(served: Served) -> None:
    with recording_spans() as spans, served.connect() as connection:
        connection.sendall(f"{CHUNKS}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"no-size\r\n")
        answer = received(connection)
    assert status(answer) == 400
    assert said(answer, "x-trace-id") == [span.context.trace_id for span in spans]


def test_a_handshake_that_is_cut_at_the_end_says_its_ids() -> None:
    with serving(build(), Impatient) as served:
        connection = served.connect()
        connection.sendall(f"{GET}{OURS}{SOCKET}\r\n".encode())
        while not served.app.state.drain.inflight:
            time.sleep(0.01)
    with connection:
        answer = received(connection)
    assert status(answer) == 500
    assert said(answer, "x-trace-id") == [IDS[:32]]
