"""Scaling out: from two to four ai-engine replicas, proven through the balancer, against plain Compose."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.cases import SERVICE
from benchmarks.figures import median_ratio, rounded
from benchmarks.platform_under_test import platform
from benchmarks.section import BenchmarkSection, paragraph
from benchmarks.versions import two_versions
from optimus_ops.reports.measurement import Objective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.platform_under_test import Engine, Platform

FEW, MANY = 2, 4
MOST_RATIO = 1.25
ANSWER_SECONDS = 30.0
# The balancer looks addresses up each second, and leaves one that failed alone for two.
FORGOTTEN_SECONDS = 4.0
COMMAND = ("up", "-d", "--no-recreate", "--scale", f"{SERVICE}={MANY}")
NOTES = (
    paragraph(
        f"Both begin with a whole stack with {FEW} replicas. Ours: `invoke scale --{SERVICE} {MANY}`, which returns "
        f"when all {MANY} are healthy and have answered through the balancer. Plain: `docker compose -f … -f … "
        f"{' '.join(COMMAND)}`, which returns when the containers were started; how long it then took until all "
        f"{MANY} had answered through the balancer is measured behind it."
    ),
)


@dataclass(frozen=True)
class Round:
    """One pair, in seconds.

    Args:
        ours: until `invoke scale` returned.
        plain: until `docker compose up` returned.
        answered: until then and all replicas had answered.
        steps: of ours: what -> how long, by its journal.
    """

    ours: float
    plain: float
    answered: float
    steps: dict[str, float]


def measure(engine: Engine, *, rounds: int, build: bool) -> BenchmarkSection:
    """Time pairs of both on one stack, each first in turn; `build` makes the images of the sources first."""
    with two_versions(engine, build=build) as images, platform(engine, images.environ) as stack:
        stack.invoke("scale", f"--{SERVICE}", str(FEW))
        found = [pair(stack, ours_first=number % 2 == 0) for number in range(rounds)]
    return section(found)


def pair(stack: Platform, *, ours_first: bool) -> Round:
    """Time both, one after the other."""
    if ours_first:
        own, (plain, answered) = ours(stack), theirs(stack)
    else:
        (plain, answered), own = theirs(stack), ours(stack)
    return Round(own[0], plain, answered, own[1])


def ours(stack: Platform) -> tuple[float, dict[str, float]]:
    """Time `invoke scale`; then go back to few replicas."""
    begun, started = time.time(), time.perf_counter()
    stack.invoke("scale", f"--{SERVICE}", str(MANY))
    seconds = time.perf_counter() - started
    journal = max((stack.folder / "state" / "journal").iterdir())
    steps = seconds_of_steps(journal.read_text(encoding="utf-8").splitlines(), begun, begun + seconds)
    wait_for_answers(stack)
    shrink(stack)
    return seconds, steps


def theirs(stack: Platform) -> tuple[float, float]:
    """Time plain Compose, and until all replicas have answered; then go back to few replicas."""
    started = time.perf_counter()
    stack.compose(*COMMAND)
    seconds = time.perf_counter() - started
    wait_for_answers(stack)
    answered = time.perf_counter() - started
    shrink(stack)
    return seconds, answered


def wait_for_answers(stack: Platform) -> None:
    """Ask through the balancer until every replica has answered.

    Raises:
        RuntimeError: one has not.
    """
    expected = {str(found["Config"]["Hostname"]) for found in stack.running(SERVICE)}
    if len(expected) != MANY:
        raise RuntimeError(f"{len(expected)} replicas run instead of {MANY}")
    until = time.monotonic() + ANSWER_SECONDS
    met: set[str] = set()
    while not expected <= met:
        if time.monotonic() > until:
            raise RuntimeError(f"{len(expected - met)} of {MANY} replicas did not answer within {ANSWER_SECONDS:.0f} s")
        met.add(served_by(stack.ai_port))


def served_by(port: int) -> str:
    """Ask once on a new connection, and return which replica answered; nothing if it was not a good answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        return str(response.headers.get("X-Served-By", "")) if response.status == http.client.OK else ""
    finally:
        connection.close()


def shrink(stack: Platform) -> None:
    """Remove the replicas that are too many, which nobody uses, and wait until the balancer has forgotten them."""
    for found in stack.running(SERVICE):
        if int(found["Config"]["Labels"]["com.docker.compose.container-number"]) > FEW:
            stack.engine.api.remove_container(found["Id"], force=True, v=True)
    time.sleep(FORGOTTEN_SECONDS)


def seconds_of_steps(lines: Sequence[str], began: float, ended: float) -> dict[str, float]:
    """Return how long each step took by the journal, and what was before the first and behind the last one.

    Args:
        lines: of the journal.
        began: when the command was started (seconds since 1970).
        ended: when it returned.
    """
    events = [json.loads(line) for line in lines]
    first, last = (seconds_since_1970(events[index]["at"]) for index in (0, -1))
    steps = {event["step"]: float(event["seconds"]) for event in events if event["event"] == "step-done"}
    return {"before": first - began, **steps, "behind": ended - last}


def seconds_since_1970(text: str) -> float:
    """Return a time of the journal."""
    return datetime.fromisoformat(text).timestamp()


def section(found: Sequence[Round]) -> BenchmarkSection:
    """Make figures of the pairs."""
    own, plain, answered = ([getattr(pair, name) for pair in found] for name in ("ours", "plain", "answered"))
    name = f"Scale {FEW} → {MANY} with verified routing, in times of plain docker compose up"
    ends = {"it returned": plain, f"all {MANY} had answered": answered}
    objectives = tuple(
        Objective(
            f"{name} until {end}",
            "at most",
            MOST_RATIO,
            median_ratio(own, seconds),
            basis=f"{len(found)} pairs; medians {median(own):.2f} s and {median(seconds):.2f} s",
        )
        for end, seconds in ends.items()
    )
    steps = {name: round(median(pair.steps[name] for pair in found), 3) for name in found[0].steps}
    listed = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items())
    raw = {
        "seconds": rounded(own),
        "seconds_plain": rounded(plain),
        "seconds_plain_until_all_answered": rounded(answered),
        "median_seconds_of_steps": steps,
    }
    where = paragraph(f"Where our time goes (medians, by the journal): {listed}.")
    return BenchmarkSection("growth", objectives, raw, (*NOTES, where))
