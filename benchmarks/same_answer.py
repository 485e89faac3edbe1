"""Ways to ask one server: as much as it answers, at intended times, or several in turn; a wrong answer ends each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.chat import bearer, chat_request
from optimus_ops.load.client import Client
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.open_loop import run_open_loop
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.load.schedule import poisson_starts
from optimus_ops.load.workload import Workload, judge_status

CONNECTIONS = 128
SEED = 20_261_122
MESSAGE = "How many orders of yesterday are still unpaid?"


@dataclass(frozen=True)
class Saturation:
    """Good answers of a closed loop in some seconds, and the processor seconds of this process in that time."""

    answers: int
    seconds: float
    generator: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class HalfLoad:
    """Good answers of an open loop with so many requests per second, and the processor seconds of this process."""

    rate: float
    results: Sequence[RequestResult]
    seconds: float
    generator: float


class WrongAnswer(Exception):  # noqa: N818 - named for what it is
    """An answer that makes the measurement worthless."""


class LocatedWorkload(Workload, Protocol):
    """A workload for one endpoint."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it is sent."""


class SameAnswer:
    """The workload: one request again and again, whose answers all have one length."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        self.endpoint = endpoint
        self._request = Request(chat_request(endpoint, bearer(key), MESSAGE))
        self._size = 0

    async def learn(self) -> None:
        """Take the length of a first answer."""
        client = Client(self.endpoint)
        self._size = checked(await client.send(self._request, judge_status)).size
        client.close()

    def request(self, client: int, number: int) -> Request:  # noqa: ARG002 - all are alike
        """Return the request."""
        return self._request

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Expect the status 200 and the length."""
        return judge_status(request, response) or (None if len(response.body) == self._size else ErrorKind.WRONG)


def checked(result: RequestResult) -> RequestResult:
    """Return a good result; another one ends a load whose results are checked."""
    if result.error or not result.size:
        raise WrongAnswer(f"{result.outcome}, {result.size} bytes")
    return result


async def saturate(
    workload: LocatedWorkload,
    users: int,
    warm_up: float,
    seconds: float,
    at_limits: Callable[[], object] = lambda: None,
) -> Saturation:
    """Ask on `users` connections, each again as soon as it has its answer; count the answers after the warm-up.

    `at_limits` is called when the counting begins and when it ends.
    """
    answers, over = 0, False

    def record(result: RequestResult) -> None:
        nonlocal answers
        checked(result)
        answers += 1

    async def count() -> Saturation:
        nonlocal over
        await asyncio.sleep(warm_up)
        first, started, spent = answers, time.perf_counter(), time.process_time()
        at_limits()
        await asyncio.sleep(seconds)
        at_limits()
        counted = Saturation(answers - first, time.perf_counter() - started, time.process_time() - spent)
        over = True
        return counted

    async with asyncio.TaskGroup() as group:
        group.create_task(run_closed_loop(workload.endpoint, workload, Pace(users), record, lambda: over))
        counting = group.create_task(count())
    return counting.result()


async def follow(workload: LocatedWorkload, rate: float, seconds: float) -> HalfLoad:
    """Ask at the times of independent users, whatever became of the requests before."""
    results: list[RequestResult] = []
    starts = poisson_starts(rate, seconds, SEED)
    started, spent = time.perf_counter(), time.process_time()
    await run_open_loop(
        workload.endpoint, workload, starts, CONNECTIONS, lambda result: results.append(checked(result))
    )
    return HalfLoad(rate, results, time.perf_counter() - started, time.process_time() - spent)


async def alternate(workloads: Sequence[SameAnswer], rounds: int, warm_up: int) -> list[list[float]]:
    """Ask each in turn, one request at a time; return the seconds of each, without those of the warm-up.

    The one that goes first changes from round to round.
    """
    seconds: list[list[float]] = [[] for _ in workloads]
    clients = [Client(workload.endpoint) for workload in workloads]
    for number in range(-warm_up, rounds):
        for turn in range(len(workloads)):
            index = (number + turn) % len(workloads)
            workload = workloads[index]
            result = checked(await clients[index].send(workload.request(0, number), workload.judge))
            if number >= 0:
                seconds[index].append(result.latency)
    for client in clients:
        client.close()
    return seconds
