from __future__ import annotations

from collections.abc import Callable

import pytest
from benchmarks.chat import ai_engine
from benchmarks.same_answer import SameAnswer, WrongAnswer, alternate, follow, saturate
from tests.unit.load.servers import server, whole

GOOD, LONGER = whole(b"good"), whole(b"good!")
BUSY = whole(b"busy", status=b"503 Busy")


async def learned(host: str, port: int) -> SameAnswer:
    workload = SameAnswer(ai_engine(host, port), "key")
    await workload.learn()
    return workload


async def test_saturation_counts_good_answers() -> None:
    async with server(lambda _request: GOOD) as endpoint:
        run = await saturate(await learned(endpoint.host, endpoint.port), users=3, warm_up=0.01, seconds=0.05)
    assert run.answers > 0
    assert run.rate == run.answers / run.seconds


@pytest.mark.parametrize("bad", [BUSY, LONGER, b"", b"nonsense\r\n\r\n"])
async def test_a_wrong_answer_ends_the_measurement(bad: bytes) -> None:
    answers = iter([GOOD] * 10)
    async with server(lambda _request: next(answers, bad)) as endpoint:
        workload = await learned(endpoint.host, endpoint.port)
        with pytest.raises(ExceptionGroup) as failed:
            await saturate(workload, users=2, warm_up=0, seconds=60)
    assert failed.group_contains(WrongAnswer)


async def test_each_request_of_a_schedule_has_a_result() -> None:
    async with server(lambda _request: GOOD) as endpoint:
        half = await follow(await learned(endpoint.host, endpoint.port), 2000, 0.05)
    assert len(half.results) == pytest.approx(100, abs=50)
    assert all(result.latency >= 0 <= result.delay for result in half.results)


async def test_roads_are_asked_in_turn() -> None:
    order: list[str] = []

    def note(road: str) -> Callable[[bytes], bytes]:
        def answer(_request: bytes) -> bytes:
            order.append(road)
            return GOOD

        return answer

    async with server(note("a")) as first, server(note("b")) as second:
        workloads = [await learned(road.host, road.port) for road in (first, second)]
        order.clear()
        seconds = await alternate(workloads, rounds=3, warm_up=1)
    assert [len(road) for road in seconds] == [3, 3]
    assert "".join(order) == "baabbaab"


@pytest.mark.parametrize("answer", [BUSY, whole(b"")])
async def test_nothing_is_learned_from_a_refusal_or_an_empty_answer(answer: bytes) -> None:
    async with server(lambda _request: answer) as endpoint:
        with pytest.raises(WrongAnswer, match="bytes"):
            await learned(endpoint.host, endpoint.port)
