"""Answers before a request's body has come, over real connections: the sender gets the status, never a reset."""

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, WebSocket
from tests.support.serving import Served, serving
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from optimus_kit.app import create_app
from optimus_kit.errors import ApiError
from optimus_kit.http_protocol import HttpProtocol
from optimus_kit.lingering_close import LingerLimits
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings

# As much as the balancer lets through is more than fits into the buffers of a connection.
BODY = b"x" * 1_060_000
LIMIT = 4096
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
HANDSHAKE = f"{UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


class Impatient(HttpProtocol):
    limits = LingerLimits(seconds=0.3, size=2 * len(BODY))


def build(settings: ServiceSettings) -> FastAPI:
    app = create_app(settings, checks={})

    @app.post("/refused/{status}")
    async def refused(status: int) -> None:
        raise ApiError(status, "No.")

    @app.post("/broken")
    async def broken() -> None:
        raise RuntimeError

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.websocket("/ws")
    async def closed(websocket: WebSocket) -> None:
        await websocket.close()

    return app


@pytest.fixture(scope="module")
def settings_here(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    folder: Path = tmp_path_factory.mktemp("secrets")
    return ServiceSettings(service="demo", port=0, secrets=SecretFolder(folder), max_body_bytes=LIMIT)


@pytest.fixture(scope="module")
def small(settings_here: ServiceSettings) -> Iterator[Served]:
    with serving(build(settings_here)) as served:
        yield served


@pytest.fixture(scope="module")
def large(settings_here: ServiceSettings) -> Iterator[Served]:
    with serving(build(replace(settings_here, max_body_bytes=1 << 30))) as served:
        yield served


@pytest.fixture(params=["small", "large"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


def post(path: str, *headers: str, size: int = len(BODY), method: str = "POST") -> str:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {size}", *headers, ""))


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def says_close(answer: bytes) -> bool:
    return b"\r\nconnection: close\r\n" in answer.lower()


@pytest.mark.parametrize("wanted", [400, 401, 403, 404, 413, 429, 503])
def test_an_early_answer_reaches_who_is_still_sending(large: Served, wanted: int) -> None:
    answer = large.ask(post(f"/refused/{wanted}"), BODY)
    assert (status(answer), says_close(answer)) == (wanted, True)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (post("/none"), 404),
        (post("/health", method="PUT"), 405),
        (post("/broken"), 500),
        (post("/size", method="NONSENSE"), 400),
        (post("/size", "X: a\x01b"), 400),
        # A handshake has no body; what follows one that is refused is none either.
        (post("/ws", *HANDSHAKE.split("\r\n")[:-1], method="GET"), 400),
        (f"GET /ws HTTP/1.1\r\nHost: x\r\n{HANDSHAKE}", 403),
        (f"GET /ws HTTP/1.1\r\nHost: x\r\n{UPGRADE}", 400),
    ],
)
def test_so_does_one_that_no_handler_made(large: Served, head: str, wanted: int) -> None:
    assert status(large.ask(head, BODY)) == wanted


def test_a_body_over_the_limit_is_told_so_whole(small: Served) -> None:
    answer = small.ask(post("/size"), BODY)
    assert (status(answer), says_close(answer)) == (413, True)
    assert b"larger than 4096 bytes" in answer


def test_so_is_one_that_doesn_t_declare_its_size(small: Served) -> None:
    head = "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert status(small.ask(head, *[chunk] * 64, b"0\r\n\r\n")) == 413


def test_what_is_refused_while_draining_or_for_too_many_requests_reaches_the_sender(
    settings_here: ServiceSettings,
) -> None:
    with serving(build(replace(settings_here, max_inflight=1, max_body_bytes=1 << 30))) as served:
        served.app.state.drain.inflight = 1
        assert status(served.ask(post("/size"), BODY)) == 503
        served.app.state.drain.inflight = 0
        served.app.state.drain.begin()
        assert status(served.ask(post("/refused/401"), BODY)) == 401


def test_who_waits_for_a_100_is_answered_without_it(small: Served) -> None:
    answer = small.ask(post("/size", "Expect: 100-continue"))
    assert (status(answer), says_close(answer)) == (413, True)


def test_a_body_that_has_come_keeps_the_connection(served: Served) -> None:
    with served.connect() as connection:
        for wanted in (401, 429):
            connection.sendall(f"{post(f'/refused/{wanted}', size=3)}\r\nabc".encode())
            answer = connection.recv(65536)
            assert (status(answer), says_close(answer)) == (wanted, False)


def test_requests_sent_behind_an_early_answer_get_none(large: Served) -> None:
    answer = large.ask(post("/refused/401"), BODY, f"{post('/refused/403', size=0)}\r\n".encode())
    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_follows_an_upgrade_that_is_ignored_is_no_request(large: Served) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = large.ask(post("/none", "Upgrade: h2c", "Connection: Upgrade", size=len(hidden)), hidden)
    assert (status(answer), says_close(answer), answer.count(b"HTTP/1.1 ")) == (404, True, 1)


@pytest.mark.parametrize("line", ["X-Long: " + "x" * 9000, "\r\n".join(f"X-{n}: y" for n in range(200))])
def test_a_handshake_that_can_t_be_read_is_answered(large: Served, line: str) -> None:
    assert status(large.ask(f"GET /ws HTTP/1.1\r\nHost: x\r\n{HANDSHAKE}{line}\r\n")) == 431


def test_a_handshake_in_chunks_is_answered(large: Served) -> None:
    head = f"GET /ws HTTP/1.1\r\nHost: x\r\n{HANDSHAKE}Transfer-Encoding: chunked\r\n"
    assert status(large.ask(head, b"0\r\n\r\n")) == 400


def until_cut(send: Callable[[], None], pause: float) -> bool:
    over = threading.Event()
    try:
        for _ in range(100_000):
            send()
            over.wait(pause)
    except OSError:
        return True
    return False


@pytest.mark.parametrize(("part", "pause"), [(b"x", 0.01), (b"x" * 65536, 0.0)], ids=["slow", "fast"])
def test_who_never_ends_is_cut(settings_here: ServiceSettings, part: bytes, pause: float) -> None:
    """The slow one by the time, the fast one by the bytes."""
    limits = Impatient.limits if pause else replace(Impatient.limits, seconds=600)
    hasty = type("Hasty", (Impatient,), {"limits": limits})
    with serving(build(settings_here), hasty) as served, served.connect() as connection:
        connection.sendall(f"{post('/refused/401', size=1 << 29)}\r\n".encode())
        assert until_cut(lambda: connection.sendall(part), pause)


def test_a_served_request_is_freed_without_the_collector_of_cycles(small: Served) -> None:
    gc.collect()
    gc.disable()
    try:
        with small.connect() as connection:
            for _ in range(20):
                connection.sendall(f"{post('/size', size=1)}\r\nx".encode())
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            kept = sum(isinstance(entry, RequestResponseCycle) for entry in gc.get_objects())
    finally:
        gc.enable()
    # The last one, and that of a connection that is just ending.
    assert kept <= 2
