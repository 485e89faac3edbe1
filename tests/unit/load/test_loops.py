from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.load.servers import whole
from tests.unit.load.virtual_time import MemoryTransport, run_virtually

from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.open_loop import run_open_loop
from optimus_ops.load.request import Endpoint, Request, encode
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.schedule import poisson_starts
from optimus_ops.load.workload import judge_status

SERVER = Endpoint("server", 80)


class Numbered:
    """Requests named by client and number."""

    def request(self, client: int, number: int) -> Request:
        return Request(encode(SERVER, "GET", f"/{client}/{number}"), f"{client}-{number}")

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        return judge_status(request, response)


def stalling(transport: MemoryTransport, data: bytes) -> None:
    """Takes 0.25 s per request, and 20 s for the third."""
    transport.answer(whole(b"answer"), after=20 if b"/0/2 " in data else 0.25)


def open_loop(starts: list[float], connections: int) -> list[RequestResult]:
    results: list[RequestResult] = []

    async def main(clock: Callable[[], float]) -> None:
        await run_open_loop(SERVER, Numbered(), starts, connections, results.append, clock)

    run_virtually(stalling, main)
    return results


def closed_loop(
    server: Callable[[MemoryTransport, bytes], None], pace: Pace, seconds: float
) -> tuple[list[RequestResult], int]:
    """The results of a loop that is stopped after so many seconds, and how many connections it opened."""
    results: list[RequestResult] = []

    async def main(clock: Callable[[], float]) -> None:
        await run_closed_loop(SERVER, Numbered(), pace, results.append, lambda: clock() >= seconds, clock)

    loop = run_virtually(server, main)
    return results, loop.connections


def test_a_stalled_server_shows_in_the_latency_of_every_request_that_was_due_meanwhile() -> None:
    results = open_loop([float(start) for start in range(10)], connections=1)
    # The third is due at 2 and answered at 22; those behind it wait for the connection and take 0.25 s each.
    assert [result.latency for result in results] == [0.25, 0.25, 20, *(19.25 - 0.75 * late for late in range(7))]
    assert [result.ended - result.started for result in results] == [0.25, 0.25, 20, *[0.25] * 7]


def test_a_closed_loop_omits_what_would_have_been_due_while_the_server_stalled() -> None:
    results, _ = closed_loop(stalling, Pace(1, interval=1), 10)
    assert [result.latency for result in results] == [0.25, 0.25, 20]


def test_requests_start_when_intended_where_a_connection_is_free() -> None:
    results = open_loop([0.0, 1.0, 2.0, 3.0, 3.5], connections=2)
    assert {result.name: result.started for result in results} == {
        "0-0": 0.0,
        "0-1": 1.0,
        "0-2": 2.0,
        "0-3": 3.0,
        "0-4": 3.5,
    }
    assert all(result.delay == 0 for result in results)


@given(st.lists(st.floats(0, 100), max_size=20), st.integers(1, 4))
def test_each_start_has_one_result_and_none_starts_early(starts: list[float], connections: int) -> None:
    results = open_loop(sorted(starts), connections)
    assert sorted(result.intended for result in results) == sorted(starts)
    assert all(result.intended <= result.started <= result.ended for result in results)


def test_clients_of_a_closed_loop_begin_one_after_the_other_and_keep_their_connections() -> None:
    results, connections = closed_loop(stalling, Pace(4, ramp=2), 2.0)
    first = [result.started for result in results if result.name.endswith("-0")]
    assert (first, connections) == ([0.0, 0.5, 1.0, 1.5], 4)


def test_a_client_keeps_its_interval_and_makes_nothing_up_for() -> None:
    results, _ = closed_loop(stalling, Pace(1, interval=1), 25)
    assert [result.started for result in results] == [0, 1, 2, 22, 23, 24]


def test_a_client_pauses_after_an_error() -> None:
    results, _ = closed_loop(
        lambda transport, _data: transport.answer(whole(b"", status=b"503 Busy")), Pace(2, pause_after_error=0.5), 2
    )
    assert Counter(result.outcome for result in results) == {"503": 8}
    assert {result.started for result in results} == {0, 0.5, 1, 1.5}


def test_requests_under_way_are_waited_for() -> None:
    results, _ = closed_loop(stalling, Pace(3), 0.1)
    assert [result.outcome for result in results] == ["ok"] * 3


def test_what_recording_raises_ends_the_load() -> None:
    def refuse(result: RequestResult) -> None:
        raise ValueError(result.name)

    async def main(clock: Callable[[], float]) -> None:
        await run_closed_loop(SERVER, Numbered(), Pace(2), refuse, lambda: False, clock)

    with pytest.raises(ExceptionGroup) as failed:
        run_virtually(stalling, main)
    assert failed.group_contains(ValueError)


@given(st.floats(min_value=1, max_value=500), st.integers())
def test_poisson_starts_are_in_order_within_their_time_and_the_same_again(rate: float, seed: int) -> None:
    starts = poisson_starts(rate, 2, seed)
    assert starts == sorted(starts)
    assert all(0 <= start < 2 for start in starts)
    assert starts == poisson_starts(rate, 2, seed)


def test_poisson_starts_come_at_their_rate_and_in_no_rhythm() -> None:
    starts = poisson_starts(1000, 100, seed=1)
    gaps = [after - before for before, after in pairwise(starts)]
    assert 99_000 < len(starts) < 101_000
    assert 0.36 < sum(gap > 0.001 for gap in gaps) / len(gaps) < 0.38
