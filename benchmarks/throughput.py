"""Throughput: `embedded` completions through the balancer, one ai-engine replica on one core; the balancer's share."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import uvloop

from benchmarks.chat import ai_engine
from benchmarks.figures import cpu_shares, median_difference
from benchmarks.platform_under_test import Platform
from benchmarks.same_answer import HalfLoad, SameAnswer, Saturation, alternate, follow, saturate
from benchmarks.section import Blocks, objectives_of, paragraph, samples
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


def measure(stack: Platform, effort: Effort) -> Blocks:
    """Measure a stack that runs with one ai-engine replica."""
    return uvloop.run(observe(stack, effort))


async def observe(stack: Platform, effort: Effort) -> Blocks:
    """Saturate, follow a schedule, and ask one at a time."""
    ways = [SameAnswer(*road) for road in roads(stack)]
    for way in ways:
        await way.learn()
    before, started = processor_seconds(stack), time.perf_counter()
    runs = [await saturate(ways[0], USERS, effort.warm_up, effort.seconds) for _ in range(effort.runs)]
    cores = cpu_shares(before, processor_seconds(stack), time.perf_counter() - started)
    half = await follow(ways[0], median(run.rate for run in runs) / 2, 2 * effort.seconds)
    single = await alternate(ways, effort.rounds, effort.rounds // 10)
    blocks = (*saturated(runs, cores, effort), *half_loaded(half), *one_at_a_time(single))
    objectives = objectives_of(blocks)
    return *objectives, *NOTES, *(block for block in blocks if block not in objectives)


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


def saturated(runs: Sequence[Saturation], cores: Mapping[str, float], effort: Effort) -> Blocks:
    """Return the figure of the saturated runs."""
    rates = [run.rate for run in runs]
    generator = sum(run.generator for run in runs) / sum(run.seconds for run in runs)
    used = ", ".join(f"{name} {share:.2f}" for name, share in {**cores, "generator": generator}.items())
    basis = f"median of {len(rates)} runs of {effort.seconds:.0f} s; cores used: {used}"
    name = "Completions through the balancer at saturation, one replica on one core"
    return Objective(name, "at least", 700, median(rates), "requests/s", basis), samples({name: rates}, "requests/s")


def half_loaded(half: HalfLoad) -> Blocks:
    """Return the figure of the open loop."""
    found = [1e3 * result.latency for result in half.results]
    name = f"p99 latency at half of that load ({half.rate:.0f} requests/s)"
    share = half.generator / half.seconds
    basis = f"{len(found)} requests; p50 {median(found):.1f} ms; generator {share:.2f} cores"
    kept = {"latency at half load": found, "delay of the generator": [1e3 * result.delay for result in half.results]}
    return Objective(name, "at most", 100, percentile(found, 99), "ms", basis), samples(kept, "ms")


def one_at_a_time(seconds: Sequence[Sequence[float]]) -> Blocks:
    """Return the figures of single requests: published port, balancer, direct."""
    published, balancer, direct = ([1e3 * sample for sample in road] for road in seconds)
    added, by_port = (
        "The balancer adds to a direct call, at the median",
        "The same through the port published on the host",
    )
    pairs = f"{len(direct)} pairs"
    basis = f"{pairs}; medians {median(balancer):.2f} ms and {median(direct):.2f} ms"
    by_port_basis = f"{pairs}; median {median(published):.2f} ms"
    return (
        Objective(added, "at most", 1, median_difference(balancer, direct), "ms", basis),
        Objective(by_port, "at most", 1, median_difference(published, direct), "ms", by_port_basis),
        samples({"published port": published, "balancer": balancer, "direct": direct}, "ms"),
    )
