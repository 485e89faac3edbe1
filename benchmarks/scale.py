"""Scale: from nothing to three verified ai-engine replicas, against plain `docker compose up --wait` on these files."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import median_ratio, rounded
from benchmarks.platform_under_test import platform
from benchmarks.section import BenchmarkSection, paragraph
from optimus_ops.reports.measurement import Objective

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.platform_under_test import Engine, Platform

REPLICAS = 3
NOTES = (
    paragraph(
        "Both start with images and secrets in place, and with no container, network or volume. `invoke scale` also "
        "proves through the balancer that every replica answers; plain Compose waits until the containers are healthy."
    ),
    paragraph(
        "Plain: `docker compose -f … -f … up -d --no-build --wait --scale ai-engine=3 SERVICES`, where SERVICES are "
        "all but the migrations job, which then runs because they depend on it. Left to itself, `--wait` waits for the "
        "job as well, which ends and never becomes healthy; what its exit code is depends on when Compose looks."
    ),
)


def measure(engine: Engine, pairs: int, unchanged: int) -> BenchmarkSection:
    """Time pairs of both, each first in turn; at the end, scale `unchanged` times to what runs already."""
    ours: list[float] = []
    plain: list[float] = []
    with platform(engine) as stack:
        services = stack.lasting_services()
        stack.invoke("images.build")
        ways = [(ours, lambda: scale(stack)), (plain, lambda: up(stack, services))]
        for number in range(pairs):
            for seconds, change in ways[:: (-1) ** number]:
                stack.clear()
                seconds.append(timed(stack, change))
        again = [timed(stack, lambda: scale_unchanged(stack)) for _ in range(unchanged)]
    objectives = (
        Objective(
            "From nothing to three verified replicas, in times of plain docker compose up --wait",
            "at most",
            1.3,
            median_ratio(ours, plain),
            basis=f"{pairs} pairs; medians {median(ours):.1f} s and {median(plain):.1f} s",
        ),
        Objective("invoke scale that changes nothing", "at most", 2.0, median(again), "s", f"median of {unchanged}"),
    )
    raw = {"seconds": rounded(ours), "seconds_plain": rounded(plain), "seconds_unchanged": rounded(again)}
    return BenchmarkSection("scale", objectives, raw, NOTES)


def timed(stack: Platform, change: Callable[[], None]) -> float:
    """Return the seconds of a change, after which all replicas are there.

    Raises:
        RuntimeError: they aren't.
    """
    started = time.perf_counter()
    change()
    seconds = time.perf_counter() - started
    if (ready := len(stack.ready("ai-engine"))) != REPLICAS:
        raise RuntimeError(f"{ready} healthy replicas instead of {REPLICAS}")
    return seconds


def scale(stack: Platform) -> None:
    """Scale with the operations library.

    Raises:
        RuntimeError: sources were edited meanwhile, so that it built images.
    """
    plan = json.loads(stack.invoke("scale", "--ai-engine", str(REPLICAS), "--json"))["plan"]
    if any(step["step"] == "build" for step in plan["steps"]):
        raise RuntimeError("sources changed while being measured: images were built")


def scale_unchanged(stack: Platform) -> None:
    """Scale to what runs already.

    Raises:
        RuntimeError: there was something to do.
    """
    result = json.loads(stack.invoke("scale", "--ai-engine", str(REPLICAS), "--json"))["result"]
    if result != "nothing to do":
        raise RuntimeError(f"a scale that should change nothing: {result}")


def up(stack: Platform, services: list[str]) -> None:
    """Scale with plain Compose."""
    stack.compose("up", "-d", "--no-build", "--wait", "--scale", f"ai-engine={REPLICAS}", *services)
