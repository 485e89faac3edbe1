"""Throughput: `embedded` completions through the balancer, one ai-engine replica on one core; the balancer's share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.chat import ai_engine, bearer, chat_request
from benchmarks.figures import cpu_shares, median_difference, rounded, summary
from benchmarks.section import BenchmarkSection, paragraph
from optimus_ops.load.client import Client
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.open_loop import run_open_loop
from optimus_ops.load.request import Request
from optimus_ops.load.result import ErrorKind
from optimus_ops.load.schedule import poisson_starts
from optimus_ops.load.workload import judge_status
from optimus_ops.reports.measurement import Objective, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.platform_under_test import Platform
    from optimus_ops.load.connection import Response
    from optimus_ops.load.request import Endpoint
    from optimus_ops.load.result import RequestResult

USERS = 32
CONNECTIONS = 128
SEED = 20_261_122
MESSAGE = "How many orders of yesterday are still unpaid?"
NOTES = (
    paragraph(
        "The load generator runs on the same machine and takes its processor time from what it measures; its share "
        "stands beside each figure. Every answer's status and length are checked; a wrong one ends the measurement."
    ),
    paragraph(
        f"Saturation: {USERS} connections kept open, each asks again as soon as it has its answer. Half load: a "
        "Poisson schedule at half the saturated rate; a latency begins when its request was due, whether or not a "
        "connection was free or the generator in time. Both go through the port published on this host."
    ),
    paragraph(
        "What the balancer adds: single requests to the replica's own address and to the balancer's in turn, on "
        "connections kept open. The published port adds Docker's own proxy to the balancer."
    ),
)


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Args:
        runs: of saturation, each after a warm-up.
        warm_up: seconds.
        seconds: of each run; the half load lasts twice as long.
        rounds: of single requests.
    """

    runs: int
    warm_up: float
    seconds: float
    rounds: int


@dataclass(frozen=True)
class Saturation:
    """Answers of a closed loop.

    Args:
        answers: in the measured time, all of them good.
        seconds: the measured time.
        generator: processor seconds of this process in that time.
    """

    answers: int
    seconds: float
    generator: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class HalfLoad:
    """Answers of an open loop.

    Args:
        rate: requests per second, on average.
        results: all of them good.
        seconds: until the last answer.
        generator: processor seconds of this process in that time.
    """

    rate: float
    results: Sequence[RequestResult]
    seconds: float
    generator: float


@dataclass(frozen=True)
class Observed:
    """Everything that was measured.

    Args:
        saturated: the runs.
        cores: service -> cores used meanwhile.
        half: the half load.
        single: seconds of single requests: published, balancer, direct.
    """

    saturated: list[Saturation]
    cores: dict[str, float]
    half: HalfLoad
    single: list[list[float]]


class WrongAnswer(Exception):  # noqa: N818 - named for what it is
    """An answer that makes the measurement worthless."""


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
    """Return a good result.

    Raises:
        WrongAnswer: it is none; that ends a load whose results are checked.
    """
    if result.error or not result.size:
        raise WrongAnswer(f"{result.outcome}, {result.size} bytes")
    return result


def measure(stack: Platform, effort: Effort) -> BenchmarkSection:
    """Measure a stack that runs with one ai-engine replica."""
    return section(uvloop.run(observe(stack, effort)), effort)


async def observe(stack: Platform, effort: Effort) -> Observed:
    """Saturate, follow a schedule, and ask one at a time."""
    published, balancer, direct = [SameAnswer(*road) for road in roads(stack)]
    for road in (published, balancer, direct):
        await road.learn()
    before, started = processor_seconds(stack), time.perf_counter()
    saturated = [await saturate(published, USERS, effort.warm_up, effort.seconds) for _ in range(effort.runs)]
    cores = cpu_shares(before, processor_seconds(stack), time.perf_counter() - started)
    half = await follow(published, median(run.rate for run in saturated) / 2, 2 * effort.seconds)
    single = await alternate((published, balancer, direct), effort.rounds, effort.rounds // 10)
    return Observed(saturated, cores, half, single)


async def saturate(workload: SameAnswer, users: int, warm_up: float, seconds: float) -> Saturation:
    """Ask on `users` connections, each again as soon as it has its answer; count the answers after the warm-up."""
    answers, over = 0, False

    def record(result: RequestResult) -> None:
        nonlocal answers
        checked(result)
        answers += 1

    async def count() -> Saturation:
        nonlocal over
        await asyncio.sleep(warm_up)
        first, started, spent = answers, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        counted = Saturation(answers - first, time.perf_counter() - started, time.process_time() - spent)
        over = True
        return counted

    async with asyncio.TaskGroup() as group:
        group.create_task(run_closed_loop(workload.endpoint, workload, Pace(users), record, lambda: over))
        counting = group.create_task(count())
    return counting.result()


async def follow(workload: SameAnswer, rate: float, seconds: float) -> HalfLoad:
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


def roads(stack: Platform) -> list[tuple[Endpoint, str]]:
    """Return how the one replica is reached: by the published port, by the balancer, directly; with the tenant's key.

    Raises:
        RuntimeError: there is not one replica on one core.
    """
    replicas, balancers = stack.ready("ai-engine"), stack.ready("nginx-lb")
    if len(replicas) != 1 or len(balancers) != 1:
        raise RuntimeError(f"{len(replicas)} healthy replicas and {len(balancers)} balancers instead of one each")
    if (cores := replicas[0]["HostConfig"]["NanoCpus"] / 1e9) != 1:
        raise RuntimeError(f"the replica is limited to {cores} cores instead of 1")
    key = stack.secret("TENANT_ACME_API_KEY")
    published = ai_engine("127.0.0.1", stack.ai_port)
    return [(endpoint, key) for endpoint in (published, inside(stack, balancers[0]), inside(stack, replicas[0]))]


def inside(stack: Platform, container: dict[str, Any]) -> Endpoint:
    """Return a container's own address on the network that the balancer shares with the replicas."""
    network = container["NetworkSettings"]["Networks"][f"{stack.project}_optimus"]
    return ai_engine(network["IPAddress"], 8010)


def processor_seconds(stack: Platform) -> dict[str, float]:
    """Return service -> processor seconds used, of the services on a request's way."""
    services = ("nginx-lb", "ai-engine", "redis")
    return {name: stack.engine.processor_seconds(stack.ready(name)[0]["Id"]) for name in services}


def section(observed: Observed, effort: Effort) -> BenchmarkSection:
    """Make figures of what was observed."""
    rates = [run.rate for run in observed.saturated]
    generator = sum(run.generator for run in observed.saturated) / sum(run.seconds for run in observed.saturated)
    busy = ", ".join(f"{name} {share:.2f}" for name, share in observed.cores.items())
    milliseconds = [1e3 * result.latency for result in observed.half.results]
    published, balancer, direct = ([1e3 * seconds for seconds in road] for road in observed.single)
    half_share = observed.half.generator / observed.half.seconds
    objectives = (
        Objective(
            "Completions through the balancer at saturation, one replica on one core",
            "at least",
            700,
            median(rates),
            "requests/s",
            f"median of {len(rates)} runs of {effort.seconds:.0f} s; cores used: {busy}, generator {generator:.2f}",
        ),
        Objective(
            f"p99 latency at half of that load ({observed.half.rate:.0f} requests/s)",
            "at most",
            100,
            percentile(milliseconds, 99),
            "ms",
            f"{len(milliseconds)} requests; p50 {median(milliseconds):.1f} ms; generator {half_share:.2f} cores",
        ),
        Objective(
            "The balancer adds to a direct call, at the median",
            "at most",
            1,
            median_difference(balancer, direct),
            "ms",
            f"{len(direct)} pairs; medians {median(balancer):.2f} ms and {median(direct):.2f} ms",
        ),
        Objective(
            "The same through the port published on the host",
            "at most",
            1,
            median_difference(published, direct),
            "ms",
            f"{len(direct)} pairs; median {median(published):.2f} ms",
        ),
    )
    return BenchmarkSection("throughput", objectives, raw(observed), NOTES)


def raw(observed: Observed) -> dict[str, Any]:
    """Return what the figures were made from."""
    return {
        "saturated_requests_per_second": rounded([run.rate for run in observed.saturated], 1),
        "saturated_generator_cores": rounded([run.generator / run.seconds for run in observed.saturated], 3),
        "saturated_connections": USERS,
        "saturated_service_cores": observed.cores,
        "half_requests_per_second": round(observed.half.rate, 1),
        "half_latency_seconds": summary([result.latency for result in observed.half.results]),
        "half_generator_lateness_seconds": summary([result.delay for result in observed.half.results]),
        "half_generator_cores": round(observed.half.generator / observed.half.seconds, 3),
        "single_seconds": dict(zip(("published", "balancer", "direct"), map(summary, observed.single), strict=True)),
    }
