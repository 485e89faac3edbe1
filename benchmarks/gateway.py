"""A gateway to providers, on a core of its own: requests per second of its processor time, and latencies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.chat import bearer, chat_request, judge_answer
from benchmarks.fast_upstream import TEXT
from benchmarks.same_answer import HalfLoad, follow, saturate
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind

MESSAGE = "How many orders of yesterday are still unpaid?"
TICKS = os.sysconf("SC_CLK_TCK")
LAST_WORD = TEXT.rsplit(" ", 1)[-1].encode()


@dataclass(frozen=True)
class Gateway:
    """What is measured: where it answers, a client's key, the model's name there, its process."""

    name: str
    endpoint: Endpoint
    key: str
    model: str
    process: int

    def processor_seconds(self) -> float:
        """Return the processor time that the process has used so far, with that of its children (proc(5), `stat`)."""
        return sum(map(processor_seconds, [self.process, *children(self.process)]))


@dataclass(frozen=True)
class Chat:
    """The workload: one question again and again; an answer is right when it is whole and has its last word."""

    endpoint: Endpoint
    sent: Request
    stream: bool

    @classmethod
    def of(cls, gateway: Gateway, *, stream: bool) -> Chat:
        """Return the workload for a gateway."""
        headers = bearer(gateway.key)
        content = chat_request(gateway.endpoint, headers, MESSAGE, gateway.model, stream=stream)
        return cls(gateway.endpoint, Request(content), stream)

    def request(self, client: int, number: int) -> Request:  # noqa: ARG002 - all are alike
        """Return the request."""
        return self.sent

    def judge(self, request: Request, response: Response) -> ErrorKind | None:  # noqa: ARG002 - all are alike
        """Expect a whole answer."""
        return judge_answer(response, LAST_WORD, stream=self.stream)


@dataclass(frozen=True)
class Saturated:
    """A closed loop: answers, seconds, and the processor seconds of the gateway and of the generator in that time."""

    answers: int
    seconds: float
    processor: float
    generator: float

    @property
    def per_core(self) -> float:
        """Answers per second of the gateway's processor time: what the rest of the machine does hardly matters."""
        return self.answers / self.processor

    @property
    def rate(self) -> float:
        """Answers per second, as a clock on the wall has it."""
        return self.answers / self.seconds


async def saturated(gateway: Gateway, users: int, warm_up: float, seconds: float, *, stream: bool) -> Saturated:
    """Ask as much as the gateway answers to so many clients."""
    spent: list[float] = []
    run = await saturate(
        Chat.of(gateway, stream=stream), users, warm_up, seconds, lambda: spent.append(gateway.processor_seconds())
    )
    return Saturated(run.answers, run.seconds, spent[1] - spent[0], run.generator)


async def scheduled(gateway: Gateway, rate: float, seconds: float, *, stream: bool) -> HalfLoad:
    """Ask at the times of independent users."""
    return await follow(Chat.of(gateway, stream=stream), rate, seconds)


def median_per_core(runs: Sequence[Saturated]) -> float:
    """Return the median of runs."""
    return median(run.per_core for run in runs)


def processor_seconds(process: int) -> float:
    """Return user and system time of a process; 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(process: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    try:
        found = [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
    except FileNotFoundError:
        return []
    return [*found, *(inner for child in found for inner in children(child))]


@contextmanager
def on_core(place: int) -> Iterator[None]:
    """Run this process, and what it starts meanwhile, on one of its cores: the first is 0, the last -1."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[place]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
