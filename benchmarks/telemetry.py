"""What telemetry costs a service: ai-engine without it, with 10 % of the traces and with all of them, on one core."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import uvloop
from tests.e2e.driven import OwnPlatform, own_platform
from tests.e2e.processes import Service, end, end_with_parent
from tests.e2e.ways import Way
from tests.support.ports import free_ports

from benchmarks.chat import ai_engine
from benchmarks.figures import interleave, median_interval, paired
from benchmarks.platform_under_test import ROOT
from benchmarks.same_answer import SameAnswer, saturate
from benchmarks.section import Blocks, paragraph, samples, show
from optimus_ops.reports.measurement import Objective

USERS = 32
SERVICE_CORE, OTHERS_CORE = 0, 1
OFF = "off"
RATIO = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
VARIANTS: Mapping[str, Mapping[str, str]] = {
    OFF: {},
    "off again": {},
    "10 % sampled": {**RATIO, "OTEL_TRACES_SAMPLER_ARG": "0.1"},
    "100 % sampled": {**RATIO, "OTEL_TRACES_SAMPLER_ARG": "1"},
}
LIMITS = {"off again": 0.01, "10 % sampled": 0.03, "100 % sampled": 0.12}
MOST_MEGABYTES = 5.0
COSTS: Mapping[str, Callable[[Cost], float]] = {
    "Answers lost by the clock": lambda cost: cost.rate,
    "Answers lost a second of processor time": lambda cost: 1 / cost.processor,
}
NOTE = paragraph(
    "One process of ai-engine a variant, all kept to one core, asked for `embedded` completions in turn by 32 "
    "connections from the other core, where Redis and a collector that forgets what it takes run as well. What is "
    "lost is one less the ratio of a pair's answers a second: by the clock, which anything else on the core disturbs, "
    "and by the processor time of all threads of the service, the one that sends included. Memory is the proportional "
    "set size after the load. Two processes of the same program differ by some percent, for as long as they run: so "
    "all of them are started anew for each two pairs."
)


@dataclass(frozen=True)
class Effort:
    """Rounds, each with processes of its own; pairs of a round; seconds of a run before and while it is measured."""

    rounds: int = 10
    pairs: int = 2
    warm_up: float = 0.3
    seconds: float = 2.0


QUICK = Effort(rounds=2, pairs=1, seconds=1.0)


@dataclass(frozen=True)
class Cost:
    """Answers a second, and the service's processor seconds an answer."""

    rate: float
    processor: float


def measure(effort: Effort) -> Blocks:
    """Measure all variants in turn."""
    found: dict[str, list[Cost]] = {name: [] for name in VARIANTS}
    used: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with kept_to(OTHERS_CORE), collector() as url, own_platform(Way.EMBEDDED) as stack:
        for number in range(effort.rounds):
            with ExitStack() as started:
                services = [started.enter_context(variant(stack, url, name, number)) for name in VARIANTS]
                for service in services:
                    service.wait_until_up()
                ways = [partial(run, stack, service, effort) for service in services]
                for name, costs, service in zip(VARIANTS, interleave(ways, effort.pairs), services, strict=True):
                    found[name] += costs
                    used[name].append(megabytes(service))
    memory = {name: median(each) for name, each in used.items()}
    for name, costs in found.items():
        rate, spent = median(cost.rate for cost in costs), median(cost.processor for cost in costs)
        show(f"  {name}: {rate:.0f} answers/s, {1e6 * spent:.0f} us each, {memory[name]:.1f} MB")
    return section(found, memory)


@contextmanager
def kept_to(core: int) -> Iterator[None]:
    """Keep this process, and those that it starts within the block, to a core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def collector() -> Iterator[str]:
    """Run a collector that forgets what it takes; give its URL."""
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.collector_sink", str(port)],
        cwd=ROOT,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, and no thread is running yet
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


@contextmanager
def variant(stack: OwnPlatform, url: str, name: str, number: int) -> Iterator[Service]:
    """Start an ai-engine of the platform that exports as a variant says; those of a round hash alike."""
    telemetry = {**VARIANTS[name], "OTEL_EXPORTER_OTLP_ENDPOINT": url} if VARIANTS[name] else {}
    with ExitStack() as running:
        with kept_to(SERVICE_CORE):
            environ = {"SECRETS_DIR": str(stack.launcher.folder / "inner"), "MEMORY_ENGINE_URL": stack.memory}
            environ["PYTHONHASHSEED"] = str(number + 1)
            host = f"ai-engine-{name.split(maxsplit=1)[0]}-{free_ports(1)[0]}"
            service = running.enter_context(stack.launcher.running("ai_engine", host, **environ, **telemetry))
        yield service


def run(stack: OwnPlatform, service: Service, effort: Effort) -> Cost:
    """Saturate a service, and read its processor time before and after."""
    return uvloop.run(saturated(stack, service, effort))


async def saturated(stack: OwnPlatform, service: Service, effort: Effort) -> Cost:
    """Ask on all connections for the time of a run."""
    where = urlsplit(service.url)
    workload = SameAnswer(ai_engine(str(where.hostname), where.port or 0), stack.secrets["TENANT_ACME_API_KEY"])
    await workload.learn()
    await saturate(workload, USERS, 0.0, effort.warm_up)
    before = processor_seconds(service.process.pid)
    found = await saturate(workload, USERS, 0.0, effort.seconds)
    return Cost(found.rate, (processor_seconds(service.process.pid) - before) / found.answers)


def processor_seconds(pid: int) -> float:
    """Return what all threads of a process have used (the clock of clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


def megabytes(service: Service) -> float:
    """Return the proportional set size."""
    rollup = Path(f"/proc/{service.process.pid}/smaps_rollup").read_text("ascii")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024


def section(found: Mapping[str, Sequence[Cost]], memory: Mapping[str, float]) -> Blocks:
    """Make the figures."""
    objectives = [
        cost_objective(f"{what}: {name}", 100 * most, found[name], found[OFF], read)
        for name, most in LIMITS.items()
        for what, read in COSTS.items()
    ]
    more = memory["100 % sampled"] - memory[OFF]
    objectives.append(Objective("Memory a replica, 100 % sampled", "at most", MOST_MEGABYTES, more, "MB"))
    kept = {f"answers a second, {name}": [cost.rate for cost in costs] for name, costs in found.items()}
    spent_by = {f"processor time, {name}": [1e6 * cost.processor for cost in costs] for name, costs in found.items()}
    return *objectives, NOTE, samples(kept, "1/s"), samples(spent_by, "us")


def cost_objective(
    name: str, most: float, costs: Sequence[Cost], base: Sequence[Cost], read: Callable[[Cost], float]
) -> Objective:
    """Return by how many percent fewer answers are made, by the median of the pairs; `read` gives answers."""
    lost = paired([*map(read, costs)], [*map(read, base)], lambda our, their: 100 * (1 - our / their))
    interval = median_interval(lost)
    certain = f"95 % interval {interval[0]:.1f} to {interval[1]:.1f} %" if interval else "too few for an interval"
    medians = " and ".join(f"{median(map(read, side)):.0f}" for side in (costs, base))
    return Objective(name, "at most", most, median(lost), "%", f"{len(lost)} pairs, {certain}; medians {medians}/s")
