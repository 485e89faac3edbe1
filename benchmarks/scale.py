"""Scale: from nothing to three verified ai-engine replicas, against plain `docker compose up --wait` on these files."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

from benchmarks.figures import interleave, ratio_objective
from benchmarks.platform_under_test import Engine, Platform, platform
from benchmarks.section import Blocks, paragraph, samples
from optimus_ops.reports.measurement import Objective

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


def measure(engine: Engine, pairs: int, unchanged: int) -> Blocks:
    """Time pairs of both, each first in turn; at the end, scale `unchanged` times to what runs already."""
    with platform(engine) as stack:
        services = stack.lasting_services()
        stack.invoke("images.build")
        ours, plain = interleave([lambda: scale(stack), lambda: up(stack, services)], pairs)
        again = [scale_unchanged(stack) for _ in range(unchanged)]
    name = "From nothing to three verified replicas, in times of plain docker compose up --wait"
    same = "invoke scale that changes nothing"
    return (
        ratio_objective(name, 1.3, ours, plain),
        Objective(same, "at most", 2.0, median(again), "s", f"median of {unchanged}"),
        *NOTES,
        samples({"invoke scale": ours, "docker compose up": plain, same: again}),
    )


def scale(stack: Platform) -> float:
    """Return the seconds of `invoke scale` from nothing; fail where images were built, as sources changed meanwhile."""
    stack.clear()
    seconds, document = scale_seconds(stack)
    check_replicas(stack)
    if any(step["step"] == "build" for step in document["plan"]["steps"]):
        raise RuntimeError("sources changed while being measured: images were built")
    return seconds


def scale_unchanged(stack: Platform) -> float:
    """Return the seconds of `invoke scale` to what runs already; fail if there was something to do."""
    seconds, document = scale_seconds(stack)
    if document["result"] != "nothing to do":
        raise RuntimeError(f"a scale that should change nothing: {document['result']}")
    return seconds


def scale_seconds(stack: Platform) -> tuple[float, dict[str, Any]]:
    """Run `invoke scale`; return its seconds and its document."""
    started = time.perf_counter()
    output = stack.invoke("scale", "--ai-engine", str(REPLICAS), "--json")
    return time.perf_counter() - started, json.loads(output)


def up(stack: Platform, services: list[str]) -> float:
    """Return the seconds of plain Compose from nothing."""
    stack.clear()
    started = time.perf_counter()
    stack.compose("up", "-d", "--no-build", "--wait", "--scale", f"ai-engine={REPLICAS}", *services)
    seconds = time.perf_counter() - started
    check_replicas(stack)
    return seconds


def check_replicas(stack: Platform) -> None:
    """Fail unless all replicas are healthy."""
    if (ready := len(stack.ready("ai-engine"))) != REPLICAS:
        raise RuntimeError(f"{ready} healthy replicas instead of {REPLICAS}")
