from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.load.servers import DONE, chunked, server, whole
from tests.unit.load.virtual_time import MemoryTransport, run_virtually

from optimus_ops.load.client import Client
from optimus_ops.load.connection import Connection, Response
from optimus_ops.load.request import Endpoint, Request, encode
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.workload import judge_status

ASKED = Request(encode(Endpoint("server", 80), "GET", "/"), "first", "plain")


async def result_of(content: bytes) -> RequestResult:
    """The result of a request to a server that sends this once and then closes the connection."""
    async with server(lambda _request: content, keep=False) as endpoint:
        return await Client(endpoint).send(ASKED, judge_status)


@pytest.mark.parametrize("content", [whole(b"answer", b"X-Served-By: one"), chunked(b"ans", b"wer")])
async def test_a_result_tells_status_size_and_the_headers_that_are_kept(content: bytes) -> None:
    result = await result_of(content)
    assert (result.name, result.kind) == ("first", "plain")
    assert (result.error, result.status, result.size) == (None, 200, 6)
    assert result.headers == {"x-served-by": "one"}


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (whole(b"no replica", status=b"502 Bad Gateway"), "502"),
        (b"SSH-2.0\r\n\r\n", "malformed answer"),
        (whole(b"one") + b"!", "malformed answer"),
        (whole(b"one") + whole(b"two"), "malformed answer"),
        (b"", "reset"),
        (b"HTTP/1.1 200", "reset"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "truncated"),
        (whole(b"answer")[:-1], "truncated"),
        (chunked(b"answer", last=b""), "truncated"),
        (chunked(b"answer", DONE, last=b"0\r\n"), "truncated"),
    ],
)
async def test_a_failure_has_a_name(content: bytes, outcome: str) -> None:
    assert (await result_of(content)).outcome == outcome


async def test_a_server_that_does_not_listen_gets_nothing() -> None:
    async with server(lambda _request: b"") as endpoint:
        pass
    result = await Client(endpoint).send(ASKED, judge_status)
    assert (result.error, result.first_byte) == (ErrorKind.CONNECT, None)


def test_an_answer_that_does_not_come_in_time_is_a_failure() -> None:
    results: list[RequestResult] = []

    async def main(clock: Callable[[], float]) -> None:
        results.append(await Client(Endpoint("server", 80, timeout=3), clock).send(ASKED, judge_status))

    run_virtually(lambda _transport, _data: None, main)
    assert [(result.error, result.latency) for result in results] == [(ErrorKind.TIMEOUT, 3)]


def test_first_byte_and_end_of_a_slow_stream_are_told_apart() -> None:
    results: list[RequestResult] = []

    def stream(transport: MemoryTransport, _data: bytes) -> None:
        content = chunked(b"data: 1\n\n", DONE)
        transport.answer(content[:100], after=2)
        transport.answer(content[100:], after=7)

    async def main(clock: Callable[[], float]) -> None:
        results.append(await Client(Endpoint("server", 80), clock).send(ASKED, judge_status, intended=-1.0))

    run_virtually(stream, main)
    [result] = results
    assert (result.intended, result.started, result.first_byte, result.ended) == (-1, 0, 2, 7)
    assert (result.latency, result.delay, result.outcome) == (8, 1, "ok")


@pytest.mark.parametrize("goodbye", [(b"Connection: close",), ()])
async def test_a_connection_closed_between_requests_is_opened_again(goodbye: tuple[bytes, ...]) -> None:
    async with server(lambda _request: whole(b"answer", *goodbye), keep=False) as endpoint:
        client = Client(endpoint)
        for _ in range(3):
            assert (await client.send(ASKED, judge_status)).outcome == "ok"
            # The server's own end of the connection needs a turn of the event loop or two to be seen.
            await asyncio.sleep(0.05)


def test_a_connection_is_kept_and_one_that_failed_is_not() -> None:
    answers = [whole(b"good"), whole(b"bad", status=b"503 Busy"), b"SSH\r\n\r\n", whole(b"good")]
    outcomes: list[str] = []

    async def main(clock: Callable[[], float]) -> None:
        client = Client(Endpoint("server", 80), clock)
        outcomes.extend([(await client.send(ASKED, judge_status)).outcome for _ in range(4)])

    loop = run_virtually(lambda transport, _data: transport.answer(answers.pop(0)), main)
    assert outcomes == ["ok", "503", "malformed answer", "ok"]
    assert loop.connections == 2


class Sink(asyncio.Transport):
    """A transport to nowhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        pass


async def received(pieces: list[bytes], *, ended: bool) -> tuple[Response, ErrorKind | None]:
    """What becomes of an exchange whose answer comes in these pieces."""
    connection = Connection(Endpoint("server", 80), lambda: 0.0)
    connection.connection_made(Sink())
    response = Response()
    exchange = asyncio.ensure_future(connection.exchange(b"", response))
    await asyncio.sleep(0)
    for piece in pieces:
        connection.data_received(piece)
    if ended:
        connection.connection_lost(None)
    return response, await exchange


CONTENTS = st.one_of(
    st.builds(lambda body, status: (whole(body, status=status), body), st.binary(max_size=60), st.just(b"200 OK")),
    st.lists(st.binary(min_size=1, max_size=20), max_size=4).map(lambda parts: (chunked(*parts), b"".join(parts))),
)


@given(CONTENTS, st.sets(st.integers(0, 300)))
async def test_an_answer_is_the_same_however_it_is_cut_into_packets(
    content: tuple[bytes, bytes], cuts: set[int]
) -> None:
    answer, body = content
    places = [0, *sorted(cut for cut in cuts if cut < len(answer)), len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(places) if end > start]
    response, error = await received(pieces, ended=False)
    assert (error, response.status, bytes(response.body), response.keep_alive) == (None, 200, body, True)


@given(CONTENTS, st.data())
async def test_an_answer_that_ends_early_is_never_taken_for_a_complete_one(
    content: tuple[bytes, bytes], data: st.DataObject
) -> None:
    answer = content[0][: data.draw(st.integers(0, len(content[0]) - 1))]
    response, error = await received([answer] if answer else [], ended=True)
    assert error is (ErrorKind.TRUNCATED if response.status else ErrorKind.RESET)


async def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    aborted: list[bool] = []

    class Watched(Sink):
        def abort(self) -> None:
            aborted.append(True)

    connection = Connection(Endpoint("server", 80), lambda: 0.0)
    connection.connection_made(Watched())
    connection.data_received(whole(b"hello"))
    assert aborted
