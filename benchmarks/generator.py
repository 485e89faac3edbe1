"""The generators of load tests: checked chat requests per second of one core."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from socket import create_connection

from loadtests.load_test import load_platform
from tests.support.ports import free_ports

from benchmarks.figures import interleave
from benchmarks.platform_under_test import ROOT
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.loadtest.model import Flow, LoadPlatform, LoadResult, Profile
from optimus_ops.loadtest.plan import LoadPlan
from optimus_ops.loadtest.records import FlowKey
from optimus_ops.loadtest.run import LoadRun
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.text.console import Progress

LEAST = 3000
KEY = FlowKey("chat", "acme")
CONNECTIONS = 16
NOTES = (
    paragraph(
        "One worker on a server (`benchmarks/echo_upstream.py`) that answers at once. Each request is made, sent, read "
        "and checked (status, length, the text that was sent), and recorded from when it was due, as in any load test. "
        "The figure is right answers per second of the generator's own processor time (user and system, from `/proc`), "
        "so that the server, which has the other core, hardly matters; the rate by the clock stands beside it."
    ),
    paragraph(f"{CONNECTIONS} users without a pause. k6 has one core as well (`GOMAXPROCS=1`)."),
)


@dataclass(frozen=True)
class Effort:
    """Runs of each generator, and their seconds."""

    runs: int = 5
    seconds: float = 8.0


QUICK = Effort(1, 3.0)


@dataclass(frozen=True)
class Figures:
    """Right answers per second of a core, and by the clock."""

    per_core: float
    per_second: float


def measure(effort: Effort) -> Blocks:
    """Measure both, in turn."""
    with echo_upstream() as url:
        locust, k6 = interleave(
            [lambda: figures(offer("locust", url, effort)), lambda: figures(offer("k6", url, effort))], effort.runs
        )
    return (
        objective(locust),
        Measurement.median("k6: the same requests, checked alike", [each.per_core for each in k6], "/s"),
        samples(
            {
                "locust, per second of a core": [each.per_core for each in locust],
                "locust, per second": [each.per_second for each in locust],
                "k6, per second of a core": [each.per_core for each in k6],
                "k6, per second": [each.per_second for each in k6],
            },
            "/s",
        ),
        *NOTES,
    )


def objective(runs: list[Figures]) -> Objective:
    """Return the median of locust's runs."""
    measured = statistics.median(each.per_core for each in runs)
    by_clock = statistics.median(each.per_second for each in runs)
    basis = f"median of {len(runs)} runs; {by_clock:,.0f} a second by the clock"
    return Objective(
        "Checked chat requests of one core: locust's fast client", "at least", LEAST, measured, "/s", basis
    )


def figures(result: LoadResult) -> Figures:
    """Return the figures of a run; raise RuntimeError where an answer was wrong or a worker was lost."""
    total, [worker] = result.total(), result.workers
    if total.failures or not worker.finished or len(worker.cpu) < 2:
        raise RuntimeError(f"{result.engine}: {total.failed or worker.words or 'too short'}")
    # The first sample has the start in it, the last one the end.
    busy = statistics.mean(worker.cpu[1:-1] or worker.cpu[1:])
    rate = total.ok / result.seconds
    return Figures(rate / busy, rate)


def offer(engine: str, url: str, effort: Effort) -> LoadResult:
    """Make a load and return what was measured."""
    profile = Profile("generator", (Flow(KEY, users=CONNECTIONS, pause=1e-6),), seconds=effort.seconds)
    return LoadRun(LoadPlan(profile, engine, 1, {"chat": url}, {}), keyed_platform(), ROOT).measure(Progress(engine))


def keyed_platform() -> LoadPlatform:
    """Return the platform with keys that open nothing: the server asks for none."""
    data = {"keys": {KEY.tenant: "no-key"}, "numbers": {}, "run": "benchmark", "model": "embedded"}
    return replace(load_platform(ROOT, {}), tenants=(KEY.tenant,), prepare=lambda: data)


@contextmanager
def echo_upstream() -> Iterator[str]:
    """Run the server; give its address."""
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.echo_upstream", str(port)], cwd=ROOT)
    try:
        for _ in range(200):
            with suppress(OSError), closing(create_connection(("127.0.0.1", port), 1)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
