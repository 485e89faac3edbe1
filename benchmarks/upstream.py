"""ai-engine with a provider over HTTP: requests and tokens per second of one core, and latencies at a given load."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop
from dotenv import dotenv_values
from tests.e2e.processes import Launcher
from tests.e2e.stores import embedded_redis
from tests.support.ports import free_ports

from benchmarks.chat import ai_engine
from benchmarks.fast_upstream import MODEL, TOKENS
from benchmarks.gateway import Gateway, Saturated, median_per_core, on_core, saturated, scheduled
from benchmarks.platform_under_test import ROOT
from benchmarks.same_answer import HalfLoad
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.reports.measurement import Objective, percentile

CONFIGURATIONS = ROOT / "benchmarks" / "gateways"
USERS = 32
TENANT_KEY = "acme-key"
PROVIDER_KEYS = "first-key,second-key"
UNLIMITED = {"requests_per_minute": 10_000_000, "burst": 1_000_000, "concurrent_requests": 1000}
NOTES = (
    paragraph(
        "ai-engine is one process on one core, with two provider keys; the provider (`benchmarks/fast_upstream.py`), "
        "Redis and the generator share the other cores. The figure is answers per second of ai-engine's own processor "
        "time (user and system, from `/proc`), so that what else the machine does hardly matters; the rate by the "
        "clock stands beside it. With httpx in place of aiohttp the same figures were 185 and 91 requests/s."
    ),
    paragraph(
        f"{USERS} connections are kept open, each asks again as soon as it has its answer. An answer has {TOKENS} "
        "tokens; streamed, each is a chunk and a write of its own. Answers are checked: a wrong or cut one ends the "
        "measurement."
    ),
)


@dataclass(frozen=True)
class Effort:
    """How much is measured: runs of saturation, their seconds, and those of a schedule."""

    runs: int = 5
    warm_up: float = 2.0
    seconds: float = 6.0


QUICK = Effort(1, 0.5, 2.0)


def measure(effort: Effort) -> Blocks:
    """Measure whole and streamed chats."""
    with fast_upstream() as port, ai_engine_process(port) as gateway, on_core(-1):
        return *NOTES, *uvloop.run(observe(gateway, effort))


async def observe(gateway: Gateway, effort: Effort) -> Blocks:
    """Saturate with each kind in turn, then follow a schedule of each kind."""
    kinds: dict[bool, list[Saturated]] = {False: [], True: []}
    for _ in range(effort.runs):
        for stream, runs in kinds.items():
            runs.append(await saturated(gateway, USERS, effort.warm_up, effort.seconds, stream=stream))
    whole, streamed = kinds[False], kinds[True]
    half = await scheduled(gateway, median(run.rate for run in whole) / 2, 2 * effort.seconds, stream=False)
    return *figures(whole, streamed), *latencies(half)


def figures(whole: list[Saturated], streamed: list[Saturated]) -> Blocks:
    """Return what one core does."""
    tokens = median_per_core(streamed) * TOKENS
    found = {"whole answers": whole, "streamed answers": streamed}
    return (
        Objective("Whole answers a core", "at least", 1000, median_per_core(whole), "requests/s", basis(whole)),
        Objective("Streamed answers a core", "at least", 300, median_per_core(streamed), "requests/s", basis(streamed)),
        Objective("Streamed tokens a core", "at least", 20_000, tokens, "tokens/s", f"{TOKENS} tokens an answer"),
        *(samples({name: [run.per_core for run in runs]}, "requests/s") for name, runs in found.items()),
    )


def basis(runs: list[Saturated]) -> str:
    """Say what figures were made from."""
    rate, answers = median(run.rate for run in runs), sum(run.answers for run in runs)
    return f"median of {len(runs)} runs, {answers} answers; by the clock {rate:.0f} requests/s"


def latencies(half: HalfLoad) -> Blocks:
    """Return the latencies at half load."""
    found = [1e3 * result.latency for result in half.results]
    text = f"{len(found)} requests at {half.rate:.0f} a second, half of what the clock said; p50 {median(found):.1f} ms"
    return (Objective("p99 latency at half load", "at most", 100, percentile(found, 99), "ms", text),)


@contextmanager
def fast_upstream() -> Iterator[int]:
    """Run the provider, and give its port."""
    [port] = free_ports(1)
    with on_core(-1):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.fast_upstream", str(port)], cwd=ROOT)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def ai_engine_process(port: int, environ: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """Run ai-engine on the first core, with the provider at a port."""
    with ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="optimus-benchmark-")))
        with on_core(-1):
            redis = started.enter_context(embedded_redis())
        launcher = Launcher(folder, configuration(folder, port, redis) | dict(environ or {}))
        with on_core(0):
            service = started.enter_context(launcher.running("ai_engine", "ai-engine"))
            service.wait_until_up()
        host, _, number = service.url.removeprefix("http://").partition(":")
        yield Gateway("ai-engine", ai_engine(host, int(number)), TENANT_KEY, MODEL, service.process.pid)


def configuration(folder: Path, port: int, redis: str) -> dict[str, str]:
    """Write files of one tenant and two keys; return the environment."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "TENANT_ACME_API_KEY").write_text(TENANT_KEY)
    (secrets / "FAST_API_KEYS").write_text(PROVIDER_KEYS)
    (folder / "tenants.yaml").write_text(json.dumps({"tenants": {"acme": UNLIMITED}}))
    return {
        "TENANTS_FILE": str(folder / "tenants.yaml"),
        "SECRETS_DIR": str(secrets),
        "REDIS_URL": redis,
        "FAST_BASE_URL": f"http://127.0.0.1:{port}/v1",
        **{name: value or "" for name, value in dotenv_values(CONFIGURATIONS / "ai-engine.env").items()},
    }
