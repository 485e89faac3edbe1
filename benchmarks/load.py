"""Load: as much as is answered, at given moments, or one request at a time on two roads in turn."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.http_wire import Answer, BadAnswer, Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.http_wire import Address


@dataclass(frozen=True)
class Query:
    """One request, and what its answer has to look like.

    Args:
        address: where it goes.
        request: its bytes.
        length: of the answer's body, in bytes.
    """

    address: Address
    request: bytes
    length: int

    def check(self, answer: Answer) -> None:
        """Refuse an answer that is not the expected one.

        Raises:
            BadAnswer: naming status and length.
        """
        if answer.status != 200 or len(answer.body) != self.length:
            raise BadAnswer(f"status {answer.status}, {len(answer.body)} bytes instead of 200, {self.length} bytes")


@dataclass(frozen=True)
class Saturation:
    """What a closed loop got.

    Args:
        answers: good ones in the measured time.
        seconds: the measured time.
        generator: processor seconds of this process in that time.
    """

    answers: int
    seconds: float
    generator: float

    @property
    def rate(self) -> float:
        """Return answers per second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class Schedule:
    """What an open model got; all in seconds.

    Args:
        latencies: from the moment a request was due to its answer.
        lateness: from the moment a request was due to the generator's turn to send it.
        seconds: from the first due moment to the last answer.
        generator: processor seconds of this process in that time.
    """

    latencies: Sequence[float]
    lateness: Sequence[float]
    seconds: float
    generator: float


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Return moments, in seconds from the start, at which requests of independent users are due (a Poisson process).

    Args:
        rate: mean requests per second, above 0.
        seconds: the last moment lies before it.
        seed: the same one gives the same moments.
    """
    numbers = random.Random(seed)  # noqa: S311 - the same load each time is the point
    moments: list[float] = []
    moment = numbers.expovariate(rate)
    while moment < seconds:
        moments.append(moment)
        moment += numbers.expovariate(rate)
    return moments


@asynccontextmanager
async def connections(address: Address, count: int) -> AsyncIterator[list[Connection]]:
    """Open so many connections, closed afterwards."""
    opened: list[Connection] = []
    try:
        for _ in range(count):
            opened.append(await Connection.open(address))  # noqa: PERF401 - those before a failure are closed, too
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def saturate(query: Query, users: int, warm_up: float, seconds: float) -> Saturation:
    """Ask on `users` connections, each again as soon as it has its answer; count the answers after the warm-up.

    Raises:
        BadAnswer: one was not as expected.
    """
    answers = 0
    over = False

    async def user(connection: Connection) -> None:
        nonlocal answers
        while not over:
            query.check(await connection.ask(query.request))
            answers += 1

    async def count() -> Saturation:
        nonlocal over
        await asyncio.sleep(warm_up)
        first, started, spent = answers, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        result = Saturation(answers - first, time.perf_counter() - started, time.process_time() - spent)
        over = True
        return result

    async with connections(query.address, users) as opened, asyncio.TaskGroup() as group:
        for connection in opened:
            group.create_task(user(connection))
        counted = group.create_task(count())
    return counted.result()


async def follow(query: Query, moments: Sequence[float], users: int) -> Schedule:
    """Ask at given moments, whatever became of the requests before; where all connections are busy, a request waits.

    Its wait counts, because a latency begins when the request was due: no coordinated omission.

    Raises:
        BadAnswer: one was not as expected.
    """
    latencies: list[float] = []
    lateness: list[float] = []
    # First in, first out: each connection is used often enough that the server doesn't close it for idling.
    free: asyncio.Queue[Connection] = asyncio.Queue()

    async def one(due: float) -> None:
        begun = time.perf_counter()
        lateness.append(begun - due)
        connection = await free.get()
        if connection.closed:
            connection = await Connection.open(query.address)
            opened.append(connection)
        query.check(await connection.ask(query.request))
        # Timers of the event loop may be up to 1 ms early, which must not make a latency shorter.
        latencies.append(time.perf_counter() - min(due, begun))
        free.put_nowait(connection)

    async with connections(query.address, users) as opened:
        for connection in opened:
            free.put_nowait(connection)
        started, spent = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as group:
            for moment in moments:
                wait = started + moment - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                group.create_task(one(started + moment))
        return Schedule(latencies, lateness, time.perf_counter() - started, time.process_time() - spent)


async def alternate(queries: Sequence[Query], rounds: int, warm_up: int) -> list[list[float]]:
    """Ask each query in turn, one at a time; return the seconds of each, those of the warm-up left out.

    The one that goes first changes from round to round.

    Raises:
        BadAnswer: one was not as expected.
    """
    seconds: list[list[float]] = [[] for _ in queries]
    opened = [await Connection.open(query.address) for query in queries]
    try:
        for number in range(-warm_up, rounds):
            for turn in range(len(queries)):
                index = (number + turn) % len(queries)
                started = time.perf_counter()
                answer = await opened[index].ask(queries[index].request)
                spent = time.perf_counter() - started
                queries[index].check(answer)
                if number >= 0:
                    seconds[index].append(spent)
    finally:
        for connection in opened:
            connection.close()
    return seconds


async def learned(address: Address, request: bytes) -> Query:
    """Ask once and return the query with the length of its answer; the next answers differ from it in no length.

    Raises:
        BadAnswer: the status is not 200, or nothing is in the answer.
    """
    connection = await Connection.open(address)
    try:
        answer = await connection.ask(request)
    finally:
        connection.close()
    if answer.status != 200 or not answer.body:
        raise BadAnswer(f"status {answer.status}: {answer.body[:200]!r}")
    return Query(address, request, len(answer.body))
