from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from benchmarks.http_wire import Address, BadAnswer
from benchmarks.load import Query, alternate, arrivals, follow, learned, saturate
from hypothesis import given
from hypothesis import strategies as st

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood"
LONGER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ngood!"
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def server(answer: Callable[[int], bytes], *, keep: bool = True) -> AsyncIterator[Address]:
    """Answers each request with what `answer` makes of its number; an empty one closes the connection."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                asked += 1
                said = answer(asked)
                writer.write(said)
                if not (said and keep):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        host, port = running.sockets[0].getsockname()
        yield Address(host, port)


@given(st.floats(min_value=1, max_value=500), st.integers())
def test_arrivals_are_in_order_within_their_time_and_the_same_again(rate: float, seed: int) -> None:
    moments = arrivals(rate, 2, seed)
    assert moments == sorted(moments)
    assert all(0 <= moment < 2 for moment in moments)
    assert moments == arrivals(rate, 2, seed)


def test_arrivals_come_at_their_rate_and_in_no_rhythm() -> None:
    moments = arrivals(1000, 100, seed=1)
    gaps = [after - before for before, after in pairwise(moments)]
    assert 99_000 < len(moments) < 101_000
    assert 0.36 < sum(gap > 0.001 for gap in gaps) / len(gaps) < 0.38


async def test_saturation_counts_good_answers() -> None:
    async with server(lambda _number: GOOD) as address:
        run = await saturate(await learned(address, REQUEST), users=3, warm_up=0.01, seconds=0.05)
    assert run.answers > 0
    assert run.rate == run.answers / run.seconds


@pytest.mark.parametrize("bad", [BUSY, LONGER, b"", b"nonsense\r\n\r\n"])
async def test_a_wrong_answer_ends_the_measurement(bad: bytes) -> None:
    async with server(lambda number: GOOD if number < 10 else bad) as address:
        with pytest.raises(ExceptionGroup) as failed:
            await saturate(Query(address, REQUEST, 4), users=2, warm_up=0, seconds=60)
    assert failed.group_contains(BadAnswer)


async def test_each_request_of_a_schedule_has_a_latency() -> None:
    async with server(lambda _number: GOOD) as address:
        found = await follow(Query(address, REQUEST, 4), arrivals(2000, 0.05, seed=1), users=4)
    assert len(found.latencies) == len(found.lateness) == len(arrivals(2000, 0.05, seed=1))


async def test_waiting_for_a_free_connection_counts() -> None:
    async with server(lambda _number: GOOD) as address:
        found = await follow(Query(address, REQUEST, 4), [0.0] * 20, users=1)
    # All were due at once and one connection answers them one after the other.
    assert list(found.latencies) == sorted(found.latencies)


async def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    closing = GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    async with server(lambda _number: closing, keep=False) as address:
        found = await follow(Query(address, REQUEST, 4), [0.0, 0.05, 0.1], users=1)
    assert len(found.latencies) == 3


async def test_roads_are_asked_in_turn() -> None:
    order: list[str] = []

    def note(road: str) -> Callable[[int], bytes]:
        def answer(_number: int) -> bytes:
            order.append(road)
            return GOOD

        return answer

    async with server(note("a")) as first, server(note("b")) as second:
        seconds = await alternate([Query(address, REQUEST, 4) for address in (first, second)], rounds=3, warm_up=1)
    assert [len(road) for road in seconds] == [3, 3]
    assert "".join(order) == "baabbaab"


@pytest.mark.parametrize("answer", [BUSY, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
async def test_nothing_is_learned_from_a_refusal_or_an_empty_answer(answer: bytes) -> None:
    async with server(lambda _number: answer) as address:
        with pytest.raises(BadAnswer, match="status"):
            await learned(address, REQUEST)
