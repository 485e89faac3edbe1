"""Rotation of secrets under load: what clients lose, and how long each phase takes."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import uvloop
from tests.fakes.provider_api import ADMIN_KEY
from tests.integration.platform import free_prefix

from benchmarks.platform_under_test import Engine, Platform, platform
from benchmarks.provider import MODEL, checkout_with, new_key, running_provider
from benchmarks.rotation_load import GivenOut, StoreRequests, rotating_endpoint
from benchmarks.scale_out import seconds_of_steps
from benchmarks.section import Blocks, paragraph, show
from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.result import RequestResult
from optimus_ops.reports.measurement import Objective, percentile
from optimus_ops.reports.model import Table
from optimus_ops.system.process import run

CLIENTS = 60
SECONDS = 600.0
FAILURES_SHOWN = 10
TENANT_KEY = "TENANT_ACME_API_KEY"


@dataclass(frozen=True)
class Case:
    """A secret to rotate."""

    key: str
    title: str
    words: Sequence[str] = ()


CASES = (
    Case("MEMORY_DB_PASSWORD", "PostgreSQL login"),
    Case("REDIS_PASSWORD", "Redis password"),
    Case(TENANT_KEY, "tenant's API key"),
    Case("OPENAI_API_KEYS", "LLM provider's key", ("--grace", "15")),
)


@dataclass(frozen=True)
class Effort:
    """Seconds of load before and after a rotation; whether Redis has replicas and sentinels; replicas of ai-engine."""

    around: float = 10.0
    sentinel: bool = True
    replicas: int = 2


QUICK = Effort(3.0, sentinel=False, replicas=1)


@dataclass(frozen=True)
class Rotated:
    """What came of a rotation: results of the clients, and seconds of its steps by the journal."""

    case: Case
    results: Sequence[RequestResult]
    seconds: float
    steps: Mapping[str, float]

    @property
    def failures(self) -> Mapping[str, int]:
        """Return outcome -> number, of requests that failed."""
        return Counter(f"{result.kind}: {result.outcome}" for result in self.results if result.error)


def measure(engine: Engine, effort: Effort) -> Blocks:
    """Rotate one secret after the other on one stack, under load all the time."""
    with own_stack(engine) as stack:
        overlay = ("--sentinel",) if effort.sentinel else ()
        stack.invoke("scale", "--ai-engine", str(effort.replicas), *overlay, deadline=SECONDS)
        return section([rotate(stack, case, effort) for case in CASES], effort)


@contextmanager
def own_stack(engine: Engine) -> Iterator[Platform]:
    """Give a stack whose LLM provider is one of our own, with keys for it."""
    with running_provider() as port, tempfile.TemporaryDirectory(prefix="optimus-benchmark-") as folder:
        root = checkout_with(engine, Path(folder), port)
        with platform(engine, {"REDIS_SUBNET_PREFIX": free_prefix()}, root) as stack:
            for key, value in (("OPENAI_ADMIN_KEY", ADMIN_KEY), ("OPENAI_API_KEYS", new_key(port))):
                command = [str(root / ".venv" / "bin" / "invoke"), "secrets.set", key]
                content = f"{value}\n".encode()
                run(command, cwd=root, environ=stack.environ, feed=partial(write_to, content))
            yield stack


def write_to(content: bytes, pipe: BinaryIO) -> None:
    """Write what a command reads."""
    pipe.write(content)


def rotate(stack: Platform, case: Case, effort: Effort) -> Rotated:
    """Rotate a secret while clients ask."""
    endpoint = rotating_endpoint(stack.ai_port)
    given = GivenOut(stack.folder / "env.secrets", TENANT_KEY)
    workload, pace = StoreRequests(endpoint, given.value, MODEL), Pace(CLIENTS, ramp=2.0, pause_after_error=0.2)
    load = BackgroundLoad(
        lambda record, stopped: run_closed_loop(endpoint, workload, pace, record, stopped), uvloop.run
    )
    with load:
        time.sleep(effort.around)
        begun, began, started = time.time(), time.monotonic(), time.perf_counter()
        stack.invoke("secrets.rotate", case.key, "--yes", *case.words, deadline=SECONDS)
        seconds = time.perf_counter() - started
        time.sleep(effort.around)
        load.check()
    journal = max((stack.folder / "state" / "journal").iterdir())
    steps = seconds_of_steps(journal.read_text(encoding="utf-8").splitlines(), begun, begun + seconds)
    rotated = Rotated(case, load.results, seconds, steps)
    failed = [result for result in load.results if result.error][:FAILURES_SHOWN]
    show(*(f"  {result.kind}: {result.outcome}, {result.ended - began:.2f} s after the beginning" for result in failed))
    show(f"{case.title}: {len(load.results)} requests, {dict(rotated.failures)} failed, {seconds:.1f} s")
    return rotated


def section(found: Sequence[Rotated], effort: Effort) -> Blocks:
    """Put the section together."""
    return (*map(objective, found), table(found), *explained(effort))


def objective(rotated: Rotated) -> Objective:
    """Return the line with the verdict."""
    failed = sum(rotated.failures.values())
    detail = "".join(f"; {count} x {outcome}" for outcome, count in rotated.failures.items())
    basis = f"{len(rotated.results):,} requests of {CLIENTS} clients{detail}"
    return Objective(f"{rotated.case.title}: failed requests", "at most", 0, failed, basis=basis)


def table(found: Sequence[Rotated]) -> Table:
    """Return the seconds of each step."""
    names = list(dict.fromkeys(name for rotated in found for name in rotated.steps))
    rows = [
        (
            rotated.case.title,
            f"{rotated.seconds:.1f} s",
            *(f"{rotated.steps[name]:.2f} s" if name in rotated.steps else "" for name in names),
            latency(rotated.results),
        )
        for rotated in found
    ]
    return Table(("", "whole", *names, "p50 / p99 of turns"), tuple(rows))


def latency(results: Sequence[RequestResult]) -> str:
    """Return p50 and p99 of good answers, in milliseconds."""
    seconds = [result.latency for result in results if not result.error and result.kind == "chat"]
    return " / ".join(f"{1e3 * percentile(seconds, percent):.0f} ms" for percent in (50, 99)) if seconds else ""


def explained(effort: Effort) -> Blocks:
    """Return what was measured and how."""
    redis = "Redis has a master, two replicas and three sentinels beside the cache" if effort.sentinel else "one Redis"
    return (
        paragraph(
            f"Load: {CLIENTS} clients in a closed loop through the balancer, with the tenant's key that is current in "
            "the operator's file. A third of the requests GET the list of models, the others are turns of a "
            "conversation that is stored in Redis before it is answered, and for which memory-engine asks PostgreSQL "
            "what is remembered; half of them are answered by an LLM provider, which has one key. Failed is: a status "
            "other than 200, a broken or late answer, one to another question, a turn that was not stored, and one "
            "that memory-engine had nothing to say about because it did not answer."
        ),
        paragraph(
            f"All on one stack, one rotation after the other, by `invoke secrets.rotate KEY --yes`; {redis}, ai-engine "
            f"has {effort.replicas} replicas. The seconds of the steps are those of the journal; `wait-grace` is "
            "the time for which both values stay valid after every process of every replica reported the new one."
        ),
    )
