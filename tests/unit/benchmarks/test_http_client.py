from __future__ import annotations

import asyncio

import pytest
from benchmarks.http_client import CUT, DONE, GOOD, LATE, REFUSED, RESET, WRONG, Line, Question, Result, chunks
from benchmarks.http_wire import Address
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.benchmarks.servers import chunked, server, whole

ASKED = Question(b"GET / HTTP/1.1\r\n\r\n", b"proof")
STREAMED = Question(b"GET / HTTP/1.1\r\n\r\n", b"proof", streams=True)
SECONDS = 30.0


async def answered(said: bytes, question: Question = ASKED) -> Result:
    """Return what becomes of a question to a server that says this once and then closes the connection."""
    async with server(lambda _request: said, keep=False) as address:
        return await Line(address, SECONDS).ask(question)


async def test_a_good_answer_says_which_replica_gave_it() -> None:
    assert await answered(whole(b"the proof", b"X-Served-By: two")) == Result(GOOD, "two")


async def test_a_whole_stream_is_good() -> None:
    assert await answered(chunked(b"data: proof\n\n", DONE), STREAMED) == Result(GOOD, "one")


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (whole(b"no replica", status=b"502 Bad Gateway"), "502"),
        (whole(b"another question's"), WRONG),
        (b"SSH-2.0\r\n\r\n", WRONG),
        (b"HTTP/1.1 200 OK\r\n\r\n", WRONG),
        (b"", RESET),
        (whole(b"the proof")[:-1], RESET),
        (chunked(b"proof", last=b""), RESET),
    ],
)
async def test_a_failure_has_a_name(said: bytes, failure: str) -> None:
    assert (await answered(said)).failure == failure


@pytest.mark.parametrize(
    "said",
    [
        chunked(b"data: proof\n\n"),
        chunked(b"data: proof\n\n", last=b""),
        chunked(b"data: proof\n\n", DONE, last=b""),
        chunked(b"data: proof\n\n", DONE, last=b"0\r\n"),
    ],
)
async def test_a_stream_that_does_not_end_as_streams_do_is_cut(said: bytes) -> None:
    assert (await answered(said, STREAMED)).failure == CUT


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200"])
async def test_a_stream_that_never_began_is_not_cut(said: bytes) -> None:
    assert (await answered(said, STREAMED)).failure == RESET


async def test_no_answer_in_time_is_a_failure() -> None:
    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    running = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with running:
        line = Line(Address(*running.sockets[0].getsockname()), 0.01)
        assert (await line.ask(ASKED)).failure == LATE
        line.close()


async def test_a_server_that_does_not_listen_refuses() -> None:
    async with server(lambda _request: b"") as address:
        pass
    assert (await Line(address, SECONDS).ask(ASKED)).failure == REFUSED


@pytest.mark.parametrize("goodbye", [(b"Connection: close",), ()])
async def test_a_connection_closed_between_requests_is_opened_again(goodbye: tuple[bytes, ...]) -> None:
    async with server(lambda _request: whole(b"proof", *goodbye), keep=False) as address:
        line = Line(address, SECONDS)
        for _ in range(3):
            assert (await line.ask(ASKED)).failure == GOOD
            # The server's own end of the connection needs a turn of the event loop or two to be seen.
            await asyncio.sleep(0.05)


async def test_a_connection_is_kept_and_one_that_failed_is_not() -> None:
    answers = [whole(b"proof"), whole(b"proof"), b"", whole(b"proof")]
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                said = answers.pop(0)
                writer.write(said)
                if not said:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        line = Line(Address(*running.sockets[0].getsockname()), SECONDS)
        failures = [(await line.ask(ASKED)).failure for _ in range(4)]
        line.close()
    assert failures == [GOOD, GOOD, RESET, GOOD]
    assert opened == 2


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
async def test_chunks_are_put_together(parts: list[bytes]) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(chunked(*parts).partition(b"\r\n\r\n")[2])
    reader.feed_eof()
    assert await chunks(reader) == b"".join(parts)
    assert await reader.read() == b""


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=4), st.data())
async def test_a_body_that_ends_early_is_never_taken_for_a_whole_one(parts: list[bytes], data: st.DataObject) -> None:
    body = chunked(*parts).partition(b"\r\n\r\n")[2]
    reader = asyncio.StreamReader()
    reader.feed_data(body[: data.draw(st.integers(0, len(body) - 1))])
    reader.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await chunks(reader)
