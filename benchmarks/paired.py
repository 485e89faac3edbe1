"""Time of tasks in two checkouts, measured in turn: this one, and a base to compare it with."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.figures import interleave, ratio_objective
from benchmarks.planning import plan_in
from benchmarks.platform_under_test import ROOT, Engine, Platform, platform
from benchmarks.section import Blocks, paragraph, samples, show
from benchmarks.startup import list_seconds
from benchmarks.versions import SERVICES, remove_images, variable

MOST_RATIO = 1.05
SETTINGS = {"WEB_CONCURRENCY": "1", "DRAIN_DELAY": "0.5"}
"""Small stacks that drain fast: what is left is the tasks' own time."""
QUICK_FACTOR = 3
"""Tasks that end within a second are measured so many times as often as the others."""
NOTE = paragraph(
    "Each checkout has an environment, images and a stack of its own; both stacks run all the time. A task is timed in "
    "the order base, this checkout, this checkout, base, so that what else the machine did falls on both. A ratio is "
    "this checkout's time by the base's of the run beside it; the interval is the sign test's, for the median ratio."
)
Timed = Callable[["Platform"], float]
"""Does something with a stack, and returns the seconds that it took."""
Samples = dict[str, tuple[list[float], list[float]]]
"""Title of a task -> seconds of the base, and of this checkout."""


@dataclass(frozen=True)
class Cycle:
    """Tasks, by title, that together leave the stack as they found it; quick ones end within a second or two."""

    name: str
    tasks: Mapping[str, Timed]
    quick: bool = False
    stack: bool = True


def task(*words: str) -> Timed:
    """Return what times an `invoke` with some words."""

    def run(stack: Platform) -> float:
        started = time.perf_counter()
        stack.invoke(*words, deadline=600)
        return time.perf_counter() - started

    return run


def plan_seconds(stack: Platform) -> float:
    """Return the seconds of two plans of a large stack, start of the process excluded."""
    seconds: dict[str, list[float]] = plan_in(stack.root, 5)["seconds"]
    return sum(map(median, seconds.values()))


ONE, TWO = (("scale", "--ai-engine", count) for count in "12")
CYCLES = (
    Cycle("list", {"invoke --list": lambda stack: list_seconds(stack.root, stack.root)}, quick=True, stack=False),
    Cycle("planning", {"plans of 500 replicas": plan_seconds}, quick=True, stack=False),
    Cycle("status", {"status": task("status")}, quick=True),
    Cycle("plan", {"deploy --plan": task("deploy", "ai-engine", "--force", "--plan")}, quick=True),
    Cycle("unchanged", {"scale, nothing to do": task(*ONE)}, quick=True),
    Cycle("scale", {"scale 1 → 2": task(*TWO), "scale 2 → 1": task(*ONE)}),
    Cycle("deploy", {"deploy": task("deploy", "ai-engine", "--force", "--observe", "0")}),
    Cycle("down", {"down": task("down"), "scale from nothing": task(*ONE)}),
)


def measure(engine: Engine, base: Path, pairs: int, names: Sequence[str] = ()) -> Blocks:
    """Time the cycles named, or all, at least `pairs` times in both checkouts; the base has to have an environment."""
    if not (base / ".venv" / "bin" / "invoke").is_file():
        raise RuntimeError(f"{base} has no environment; make it there: python3 scripts/bootstrap.py true")
    timed: Samples = {}
    cycles = [cycle for cycle in CYCLES if not names or cycle.name in names]
    start = any(cycle.stack for cycle in cycles)
    with own_stack(engine, base, start=start) as first, own_stack(engine, ROOT, start=start) as second:
        for cycle in cycles:
            ways = [partial(run_cycle, cycle, stack) for stack in (first, second)]
            runs = interleave(ways, pairs * (QUICK_FACTOR if cycle.quick else 1))
            for title in cycle.tasks:
                base_seconds, own_seconds = ([run[title] for run in side] for side in runs)
                timed[title] = (base_seconds, own_seconds)
                medians = f"{median(own_seconds):.3f} s, base {median(base_seconds):.3f} s"
                show(f"  {title}: {medians}")
    return section(timed)


@contextmanager
def own_stack(engine: Engine, root: Path, *, start: bool) -> Iterator[Platform]:
    """Give a stack, running if wanted, with images of the checkout's own sources; nothing of it stays."""
    group = f"optimus-benchmark-{secrets.token_hex(4)}"
    images = {variable(service): f"{group}/{service}:paired" for service in SERVICES}
    try:
        with platform(engine, {**SETTINGS, **images}, root) as stack:
            if start:
                stack.invoke("scale", "--ai-engine", "1", deadline=900)
            yield stack
    finally:
        remove_images(engine, group)


def run_cycle(cycle: Cycle, stack: Platform) -> dict[str, float]:
    """Run a cycle's tasks, one behind the other; return title -> seconds."""
    return {title: run(stack) for title, run in cycle.tasks.items()}


def section(timed: Samples) -> Blocks:
    """Make a figure of each task."""
    named = ((f"{title}, in times of the base", seconds) for title, seconds in timed.items())
    objectives = (ratio_objective(name, MOST_RATIO, own, base) for name, (base, own) in named)
    kept = {f"{title}{of}": pair[at] for title, pair in timed.items() for at, of in enumerate((", base", ""))}
    return *objectives, NOTE, samples(kept)
