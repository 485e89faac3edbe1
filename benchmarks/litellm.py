"""ai-engine beside LiteLLM's proxy: the same provider, two keys, one process on one core, the same load."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import uvloop
from tests.support.ports import free_ports

from benchmarks.chat import ai_engine as endpoint_of
from benchmarks.fast_upstream import MODEL
from benchmarks.figures import median_interval
from benchmarks.gateway import Gateway, Saturated, median_per_core, on_core, saturated, scheduled
from benchmarks.platform_under_test import ROOT
from benchmarks.same_answer import HalfLoad
from benchmarks.section import Blocks, paragraph, samples, show
from benchmarks.upstream import CONFIGURATIONS, USERS, Effort, ai_engine_process, fast_upstream
from optimus_ops.reports.measurement import Objective, format_number, percentile
from optimus_ops.reports.model import Table
from optimus_ops.system.wait import wait_until

ENVIRONMENT = ROOT / "build" / "litellm"
REQUIREMENTS = CONFIGURATIONS / "litellm-requirements.txt"
START_SECONDS = 180.0
MASTER_KEY = "sk-benchmark"
LEAST_RATIO = 20
SHARE_OF_SATURATION = 0.5
KINDS = {False: "whole answers", True: "streamed answers"}
NOTES = (
    paragraph(
        "LiteLLM is installed from PyPI into an environment of its own, with the configuration "
        "`benchmarks/gateways/litellm.yaml`, ai-engine with `benchmarks/gateways/ai-engine.env`. Both have two keys of "
        "one provider and one worker process on one core. ai-engine counts and limits per tenant in Redis, as ever; "
        "LiteLLM has neither a database nor Redis here, which saves it work."
    ),
    paragraph(
        "Ratios are of answers per second of the gateway's own processor time, each of a pair of runs, one after the "
        f"other, with {USERS} connections. Latencies are at equal load: requests of independent users (Poisson), at "
        "half the rate at which LiteLLM was saturated in this run."
    ),
)

Runs = dict[bool, list[Saturated]]


def measure(effort: Effort) -> Blocks:
    """Install LiteLLM, and measure both."""
    install()
    with fast_upstream() as port, ai_engine_process(port) as ours, litellm_process(port) as theirs, on_core(-1):
        return *NOTES, *uvloop.run(observe(ours, theirs, effort))


async def observe(ours: Gateway, theirs: Gateway, effort: Effort) -> Blocks:
    """Saturate both in turn, with whole and streamed answers; then ask both at the same rate."""
    found: tuple[Runs, Runs] = ({False: [], True: []}, {False: [], True: []})
    for number in range(effort.runs):
        for stream in KINDS:
            pair = [(ours, found[0]), (theirs, found[1])]
            for gateway, runs in pair[:: -1 if number % 2 else 1]:
                runs[stream].append(await saturated(gateway, USERS, effort.warm_up, effort.seconds, stream=stream))
    rate = SHARE_OF_SATURATION * median(run.rate for run in found[1][False])
    loads = [await scheduled(gateway, rate, 5 * effort.seconds, stream=False) for gateway in (ours, theirs)]
    return *ratios(*found), table(found, (ours.name, theirs.name)), *latencies(*loads)


def ratios(ours: Runs, theirs: Runs) -> Blocks:
    """Return how many times as many answers a core ai-engine gives."""
    return tuple(
        ratio(f"ai-engine's {name} a core over LiteLLM's", ours[kind], theirs[kind]) for kind, name in KINDS.items()
    )


def ratio(name: str, ours: list[Saturated], theirs: list[Saturated]) -> Objective:
    """Return the median of the pairs' ratios."""
    found = [our.per_core / their.per_core for our, their in zip(ours, theirs, strict=True)]
    interval = median_interval(found)
    certain = f"95 % interval {interval[0]:.1f} to {interval[1]:.1f}" if interval else "too few for an interval"
    return Objective(name, "at least", LEAST_RATIO, median(found), basis=f"{len(found)} pairs, {certain}")


def table(found: tuple[Runs, Runs], names: tuple[str, str]) -> Table:
    """Return what each did."""
    rows = [
        (
            name,
            kind,
            format_number(median_per_core(runs[stream])),
            format_number(median(run.rate for run in runs[stream])),
        )
        for name, runs in zip(names, found, strict=True)
        for stream, kind in KINDS.items()
    ]
    header = ("gateway", "kind", "requests/s a core", "requests/s by the clock")
    return Table(header, tuple(rows), frozenset(header[2:]))


def latencies(ours: HalfLoad, theirs: HalfLoad) -> Blocks:
    """Return the latencies at equal load."""
    our, their = ([1e3 * result.latency for result in load.results] for load in (ours, theirs))
    text = f"{len(our)} requests at {ours.rate:.1f} a second; medians {median(our):.1f} and {median(their):.1f} ms"
    share = percentile(our, 99) / percentile(their, 99)
    basis = f"{text}; p99 {percentile(our, 99):.1f} and {percentile(their, 99):.1f} ms"
    return (
        Objective("ai-engine's p99 latency at equal load, as a share of LiteLLM's", "at most", 1, share, basis=basis),
        samples({"ai-engine": our, "LiteLLM": their}, "ms"),
    )


def install() -> None:
    """Make LiteLLM's environment, or bring it up to date."""
    show("installing LiteLLM")
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
    if subprocess.run(command, check=False).returncode:
        raise RuntimeError(f"LiteLLM could not be installed from {REQUIREMENTS.relative_to(ROOT)}")


@contextmanager
def litellm_process(port: int) -> Iterator[Gateway]:
    """Run the proxy on the first core, with the provider at a port."""
    [own] = free_ports(1)
    endpoint = endpoint_of("127.0.0.1", own)
    command = [str(ENVIRONMENT / "bin" / "litellm"), "--config", str(CONFIGURATIONS / "litellm.yaml")]
    command += ["--host", endpoint.host, "--port", str(own), "--num_workers", "1"]
    with tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output, on_core(0):
            process = subprocess.Popen(command, cwd=folder, env=environment(port), stdout=output, stderr=output)
        gateway = Gateway("LiteLLM", endpoint, MASTER_KEY, MODEL, process.pid)
        try:
            settled = wait_until(lambda: process.poll() is not None or is_up(own), START_SECONDS, poll=0.5)
            if not settled or process.poll() is not None:
                raise RuntimeError(f"LiteLLM did not start: {log.read_text('utf-8', 'replace')[-1000:]}")
            yield gateway
        finally:
            process.kill()
            process.wait()


def environment(port: int) -> dict[str, str]:
    """Return LiteLLM's environment: nothing of this process's but its path; prices are not fetched."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", "/"),
        "FAST_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
    }


def is_up(port: int) -> bool:
    """Tell whether it answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/liveliness", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
