"""Throughput: `embedded` completions through the balancer, one ai-engine replica on one core; the balancer's share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import uvloop

from benchmarks.chat import ai_engine
from benchmarks.figures import cpu_shares, median_difference
from benchmarks.platform_under_test import Platform
from benchmarks.same_answer import HalfLoad, SameAnswer, Saturation, alternate, follow, saturate
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.load.request import Endpoint
from optimus_ops.reports.measurement import Objective, percentile

USERS = 32
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
    """How much is measured: runs of saturation, their seconds (twice that at half load), rounds of single requests."""

    runs: int
    warm_up: float
    seconds: float
    rounds: int


@dataclass(frozen=True)
class Observed:
    """Everything that was measured; `single` has seconds of the three roads: published, balancer, direct."""

    saturated: list[Saturation]
    cores: dict[str, float]
    half: HalfLoad
    single: list[list[float]]


def measure(stack: Platform, effort: Effort) -> Blocks:
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


def roads(stack: Platform) -> list[tuple[Endpoint, str]]:
    """Return how the one replica, on one core, is reached: published port, balancer, directly; with the key."""
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


def section(observed: Observed, effort: Effort) -> Blocks:
    """Make figures of what was observed."""
    runs, half = observed.saturated, observed.half
    rates = [run.rate for run in runs]
    generator = sum(run.generator for run in runs) / sum(run.seconds for run in runs)
    cores = ", ".join(f"{name} {share:.2f}" for name, share in {**observed.cores, "generator": generator}.items())
    latencies = [1e3 * result.latency for result in half.results]
    published, balancer, direct = ([1e3 * seconds for seconds in road] for road in observed.single)
    share = half.generator / half.seconds
    saturation = "Completions through the balancer at saturation, one replica on one core"
    tail = f"p99 latency at half of that load ({half.rate:.0f} requests/s)"
    added, by_port = (
        "The balancer adds to a direct call, at the median",
        "The same through the port published on the host",
    )
    bases = (
        f"median of {len(rates)} runs of {effort.seconds:.0f} s; cores used: {cores}",
        f"{len(latencies)} requests; p50 {median(latencies):.1f} ms; generator {share:.2f} cores",
        f"{len(direct)} pairs; medians {median(balancer):.2f} ms and {median(direct):.2f} ms",
        f"{len(direct)} pairs; median {median(published):.2f} ms",
    )
    objectives = (
        Objective(saturation, "at least", 700, median(rates), "requests/s", bases[0]),
        Objective(tail, "at most", 100, percentile(latencies, 99), "ms", bases[1]),
        Objective(added, "at most", 1, median_difference(balancer, direct), "ms", bases[2]),
        Objective(by_port, "at most", 1, median_difference(published, direct), "ms", bases[3]),
    )
    kept = samples(
        {
            "at half load": latencies,
            "generator's delay at half load": [1e3 * result.delay for result in half.results],
            "by the published port": published,
            "by the balancer": balancer,
            "direct": direct,
        },
        "ms",
    )
    return *objectives, *NOTES, samples({"saturated": rates}, "requests/s"), kept
