"""Scaling out: from two to four ai-engine replicas, proven through the balancer, against plain Compose."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from benchmarks.cases import SERVICE
from benchmarks.chat import ai_engine
from benchmarks.figures import interleave, ratio_objective
from benchmarks.platform_under_test import Engine, Platform, platform
from benchmarks.section import Blocks, paragraph, samples
from benchmarks.versions import two_versions
from optimus_ops.load.client import Client
from optimus_ops.load.request import Request, encode
from optimus_ops.load.workload import judge_status
from optimus_ops.system.wait import wait_until

FEW, MANY = 2, 4
MOST_RATIO = 1.25
ANSWER_SECONDS = 30.0
# The balancer looks addresses up each second, and leaves one that failed alone for two.
FORGOTTEN_SECONDS = 4.0
COMMAND = ("up", "-d", "--no-recreate", "--scale", f"{SERVICE}={MANY}")
NOTE = paragraph(
    f"Both begin with a whole stack with {FEW} replicas. Ours: `invoke scale --{SERVICE} {MANY}`, which returns when "
    f"all {MANY} are healthy and have answered through the balancer. Plain: `docker compose -f … -f … "
    f"{' '.join(COMMAND)}`, which returns when the containers were started; how long it then took until all {MANY} had "
    "answered through the balancer is measured behind it."
)


@dataclass(frozen=True)
class Ours:
    """Seconds of `invoke scale`, and of its steps by its journal."""

    seconds: float
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Plain:
    """Seconds until `docker compose up` returned, and until all replicas had answered."""

    seconds: float
    answered: float


def measure(engine: Engine, *, rounds: int, build: bool) -> Blocks:
    """Time pairs of both on one stack, each first in turn; `build` makes the images of the sources first."""
    with two_versions(engine, build=build) as images, platform(engine, images.environ) as stack:
        stack.invoke("scale", f"--{SERVICE}", str(FEW))
        ours: list[Ours] = []
        plain: list[Plain] = []
        interleave([lambda: ours.append(scale_ours(stack)), lambda: plain.append(scale_plain(stack))], rounds)
    return section(ours, plain)


def scale_ours(stack: Platform) -> Ours:
    """Time `invoke scale`; then go back to few replicas."""
    begun, started = time.time(), time.perf_counter()
    stack.invoke("scale", f"--{SERVICE}", str(MANY))
    seconds = time.perf_counter() - started
    journal = max((stack.folder / "state" / "journal").iterdir())
    steps = seconds_of_steps(journal.read_text(encoding="utf-8").splitlines(), begun, begun + seconds)
    wait_for_answers(stack)
    shrink(stack)
    return Ours(seconds, steps)


def scale_plain(stack: Platform) -> Plain:
    """Time plain Compose, and until all replicas have answered; then go back to few replicas."""
    started = time.perf_counter()
    stack.compose(*COMMAND)
    seconds = time.perf_counter() - started
    wait_for_answers(stack)
    answered = time.perf_counter() - started
    shrink(stack)
    return Plain(seconds, answered)


def wait_for_answers(stack: Platform) -> None:
    """Ask through the balancer, each time on a new connection, until every replica has answered."""
    expected = {str(found["Config"]["Hostname"]) for found in stack.running(SERVICE)}
    if len(expected) != MANY:
        raise RuntimeError(f"{len(expected)} replicas run instead of {MANY}")
    endpoint = ai_engine("127.0.0.1", stack.ai_port, 5)
    request = Request(encode(endpoint, "GET", "/health", {"Connection": "close"}))
    met: set[str] = set()

    def all_met() -> bool:
        result = asyncio.run(Client(endpoint).send(request, judge_status))
        met.update(result.headers.values() if not result.error else ())
        return expected <= met

    if not wait_until(all_met, ANSWER_SECONDS, poll=0):
        raise RuntimeError(f"{len(expected - met)} of {MANY} replicas did not answer within {ANSWER_SECONDS:.0f} s")


def shrink(stack: Platform) -> None:
    """Remove the replicas that are too many, which nobody uses, and wait until the balancer has forgotten them."""
    for found in stack.running(SERVICE):
        if int(found["Config"]["Labels"]["com.docker.compose.container-number"]) > FEW:
            stack.engine.api.remove_container(found["Id"], force=True, v=True)
    time.sleep(FORGOTTEN_SECONDS)


def seconds_of_steps(lines: Sequence[str], began: float, ended: float) -> dict[str, float]:
    """Return how long each step took by the journal's lines, and what was before the first and behind the last one.

    `began` and `ended` are when the command was started and when it returned, in seconds since 1970.
    """
    events = [json.loads(line) for line in lines]
    first, last = (datetime.fromisoformat(events[index]["at"]).timestamp() for index in (0, -1))
    steps = {event["step"]: float(event["seconds"]) for event in events if event["event"] == "step-done"}
    return {"before": first - began, **steps, "behind": ended - last}


def section(ours: Sequence[Ours], plain: Sequence[Plain]) -> Blocks:
    """Make figures of the pairs."""
    own, returned = [run.seconds for run in ours], [run.seconds for run in plain]
    answered = [run.answered for run in plain]
    name = f"Scale {FEW} → {MANY} with verified routing, in times of plain docker compose up"
    steps = {step: median(run.steps[step] for run in ours) for step in ours[0].steps}
    listed = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in steps.items())
    return (
        ratio_objective(f"{name} until it returned", MOST_RATIO, own, returned),
        ratio_objective(f"{name} until all {MANY} had answered", MOST_RATIO, own, answered),
        NOTE,
        paragraph(f"Where our time goes (medians, by the journal): {listed}."),
        samples({"invoke scale": own, "docker compose up": returned, "docker compose up, all answered": answered}),
    )
