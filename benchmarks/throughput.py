"""Throughput: `embedded` completions through the balancer, one ai-engine replica on one core; the balancer's share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.figures import Figure, Target, cpu_shares, median_difference, quantile, rounded, summary
from benchmarks.http_wire import Address, chat_request
from benchmarks.load import alternate, arrivals, follow, learned, saturate
from benchmarks.section import Part

if TYPE_CHECKING:
    from benchmarks.load import Query, Saturation, Schedule
    from benchmarks.platform_under_test import Platform

RATE = Target(700, "requests/s", at_least=True)
TAIL = Target(100, "ms")
ADDED = Target(1, "ms")
USERS = 32
CONNECTIONS = 128
SEED = 20_261_122
MESSAGE = "How many orders of yesterday are still unpaid?"
NOTES = (
    (
        "The load generator runs on the same machine and takes its processor time from what it measures; its share "
        "stands beside each figure. Every answer's status and length are checked; a wrong one ends the measurement."
    ),
    (
        f"Saturation: {USERS} connections kept open, each asks again as soon as it has its answer. Half load: a "
        "Poisson schedule at half the saturated rate; a latency begins when its request was due, whether or not a "
        "connection was free or the generator in time. Both go through the port published on this host."
    ),
    (
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
class Roads:
    """The same question on three roads."""

    published: Query
    balancer: Query
    direct: Query


@dataclass(frozen=True)
class Observed:
    """Everything that was measured.

    Args:
        saturated: the runs.
        cores: how many cores each service used meanwhile.
        half: the half load.
        half_rate: requests per second that it was made for.
        single: seconds of single requests: published, balancer, direct.
    """

    saturated: list[Saturation]
    cores: dict[str, float]
    half: Schedule
    half_rate: float
    single: list[list[float]]


def measure(stack: Platform, effort: Effort) -> Part:
    """Measure a stack that runs with one ai-engine replica."""
    return part(uvloop.run(observe(stack, effort)), effort)


async def observe(stack: Platform, effort: Effort) -> Observed:
    """Find the roads, then saturate, follow a schedule, and ask one at a time."""
    on = await roads(stack)
    before, started = processor_seconds(stack), time.perf_counter()
    saturated = [await saturate(on.published, USERS, effort.warm_up, effort.seconds) for _ in range(effort.runs)]
    cores = cpu_shares(before, processor_seconds(stack), time.perf_counter() - started)
    half_rate = median(run.rate for run in saturated) / 2
    half = await follow(on.published, arrivals(half_rate, 2 * effort.seconds, SEED), CONNECTIONS)
    single = await alternate((on.published, on.balancer, on.direct), effort.rounds, effort.rounds // 10)
    return Observed(saturated, cores, half, half_rate, single)


async def roads(stack: Platform) -> Roads:
    """Learn how the one replica is reached: through the published port, through the balancer, and directly.

    Raises:
        RuntimeError: there is not one replica on one core.
    """
    replicas, balancers = stack.ready("ai-engine"), stack.ready("nginx-lb")
    if len(replicas) != 1 or len(balancers) != 1:
        raise RuntimeError(f"{len(replicas)} healthy replicas and {len(balancers)} balancers instead of one each")
    if (cores := replicas[0]["HostConfig"]["NanoCpus"] / 1e9) != 1:
        raise RuntimeError(f"the replica is limited to {cores} cores instead of 1")
    key = stack.secret("TENANT_ACME_API_KEY")
    addresses = Address("127.0.0.1", stack.ai_port), inside(stack, balancers[0]), inside(stack, replicas[0])
    found = [await learned(address, chat_request(address, key, MESSAGE)) for address in addresses]
    return Roads(*found)


def inside(stack: Platform, container: dict[str, Any]) -> Address:
    """Return a container's own address on the network that the balancer shares with the replicas."""
    network = container["NetworkSettings"]["Networks"][f"{stack.project}_optimus"]
    return Address(network["IPAddress"], 8010)


def processor_seconds(stack: Platform) -> dict[str, float]:
    """Return service -> processor seconds used, of the services on a request's way."""
    services = ("nginx-lb", "ai-engine", "redis")
    return {name: stack.engine.processor_seconds(stack.ready(name)[0]["Id"]) for name in services}


def part(seen: Observed, effort: Effort) -> Part:
    """Make figures of what was observed."""
    rates = [run.rate for run in seen.saturated]
    generator = sum(run.generator for run in seen.saturated) / sum(run.seconds for run in seen.saturated)
    busy = ", ".join(f"{name} {share:.2f}" for name, share in seen.cores.items())
    milliseconds = [1e3 * latency for latency in seen.half.latencies]
    published, balancer, direct = ([1e3 * seconds for seconds in road] for road in seen.single)
    half_share = seen.half.generator / seen.half.seconds
    figures = (
        Figure(
            "Completions through the balancer at saturation, one replica on one core",
            median(rates),
            RATE,
            f"median of {len(rates)} runs of {effort.seconds:.0f} s; cores used: {busy}, generator {generator:.2f}",
        ),
        Figure(
            f"p99 latency at half of that load ({seen.half_rate:.0f} requests/s)",
            quantile(milliseconds, 0.99),
            TAIL,
            f"{len(milliseconds)} requests; p50 {quantile(milliseconds, 0.5):.1f} ms; generator {half_share:.2f} cores",
        ),
        Figure(
            "The balancer adds to a direct call, at the median",
            median_difference(balancer, direct),
            ADDED,
            f"{len(direct)} pairs; medians {median(balancer):.2f} ms and {median(direct):.2f} ms",
        ),
        Figure(
            "The same through the port published on the host",
            median_difference(published, direct),
            ADDED,
            f"{len(direct)} pairs; median {median(published):.2f} ms",
        ),
    )
    return Part("throughput", figures, raw(seen), NOTES)


def raw(seen: Observed) -> dict[str, Any]:
    """Return what the figures were made from."""
    return {
        "saturated_requests_per_second": rounded([run.rate for run in seen.saturated], 1),
        "saturated_generator_cores": rounded([run.generator / run.seconds for run in seen.saturated], 3),
        "saturated_connections": USERS,
        "saturated_service_cores": seen.cores,
        "half_requests_per_second": round(seen.half_rate, 1),
        "half_latency_seconds": summary(seen.half.latencies),
        "half_generator_lateness_seconds": summary(seen.half.lateness),
        "half_generator_cores": round(seen.half.generator / seen.half.seconds, 3),
        "single_seconds": dict(zip(("published", "balancer", "direct"), map(summary, seen.single), strict=True)),
    }
