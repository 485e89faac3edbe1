"""What can't be read as HTTP spoils no answer to what could, on the same connection."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import Request
from starlette.responses import StreamingResponse
from tests.support.serving import Served, received, serving
from tests.support.span_recorder import recording_spans

from optimus_kit.app import create_app
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings

SLOW = "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
GARBAGE = ["67", "\r\n67\r\n\r\n", "GET / HTTP/9.1\r\n\r\n", "GET / HTTP/1.1\r\nX: a\x01b\r\n\r\n"]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    app = create_app(ServiceSettings(service="demo", port=0, secrets=SecretFolder(Path("/nonexistent"))), checks={})

    @app.post("/slow")
    async def slow(request: Request) -> int:
        await asyncio.sleep(0.05)
        return len(await request.body())

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.post("/echo")
    async def echo(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begun"
            async for part in request.stream():
                yield part

        return StreamingResponse(parts())

    with serving(app) as served:
        yield served


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("requests", [1, 2])
def test_requests_before_it_are_answered_and_the_connection_ends(served: Served, garbage: str, requests: int) -> None:
    """A client that sends more than it announced gets the answer to what it announced."""
    answer = served.ask(SLOW * requests + garbage)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == answer.count(b"HTTP/1.1 ") == requests
    assert answer.endswith(b"\r\n\r\n5")


def test_an_answer_that_has_begun_is_cut_and_holds_no_other(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        begun = b""
        while b"begun" not in begun:
            begun += connection.recv(4096)
        connection.sendall(b"no-size\r\n")
        rest = received(connection)
    assert b"HTTP/1.1" not in rest
    # Without the last chunk it is no whole answer.
    assert b"0\r\n\r\n" not in rest
    while served.app.state.drain.inflight:
        time.sleep(0.01)
    assert not [record for record in caplog.records if record.exc_info]


def test_after_an_answer_it_is_answered_itself(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(SLOW.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"67\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("rest", [b"", b"no-size\r\n"], ids=["gone", "malformed"])
def test_a_body_that_never_comes_whole_is_no_failure_of_the_service(
    served: Served, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with recording_spans() as spans:
        with served.connect() as connection:
            connection.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not served.app.state.drain.inflight:
                time.sleep(0.01)
            connection.sendall(rest)
        while served.app.state.drain.inflight:
            time.sleep(0.01)
    assert [(span.failed, span.ends) for span in spans] == [("client_gone", 1)]
    assert "http.response.status_code" not in spans[0].attributes
    assert not [record for record in caplog.records if record.exc_info]
