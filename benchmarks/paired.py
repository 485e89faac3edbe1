"""Time of tasks in two checkouts, measured in turn: this one, and a base to compare it with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import median_interval, paired, rounded
from benchmarks.planning import plan_in
from benchmarks.platform_under_test import ROOT, platform
from benchmarks.section import BenchmarkSection, paragraph
from benchmarks.startup import list_seconds
from benchmarks.versions import SERVICES, variable
from optimus_ops.reports.measurement import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.platform_under_test import Engine, Platform

MOST_RATIO = 1.05
SETTINGS = {"WEB_CONCURRENCY": "1", "DRAIN_DELAY": "0.5"}
"""Small stacks that drain fast: what is left is the tasks' own time."""
QUICK_FACTOR = 4
"""Tasks that end within a second are measured so many times as often as the others."""
NOTE = paragraph(
    "Each checkout has an environment, images and a stack of its own; both stacks run all the time. A task is timed in "
    "the order base, this checkout, this checkout, base, so that what else the machine did falls on both. A ratio is "
    "this checkout's time by the base's of the run beside it; the interval is the sign test's, for the median ratio."
)


Timed = Callable[["Platform"], float]
"""Does something with a stack, and returns the seconds that it took."""


@dataclass(frozen=True)
class Cycle:
    """Tasks that leave the stack as they found it, together.

    Args:
        name: on the command line.
        tasks: title -> what runs it.
        quick: whether they end within a second or two.
    """

    name: str
    tasks: Mapping[str, Timed]
    quick: bool = False


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
    Cycle("list", {"invoke --list": lambda stack: list_seconds(stack.root, stack.root)}, quick=True),
    Cycle("planning", {"plans of 500 replicas": plan_seconds}, quick=True),
    Cycle("status", {"status": task("status")}, quick=True),
    Cycle("plan", {"deploy --plan": task("deploy", "ai-engine", "--force", "--plan")}, quick=True),
    Cycle("unchanged", {"scale, nothing to do": task(*ONE)}, quick=True),
    Cycle("scale", {"scale 1 → 2": task(*TWO), "scale 2 → 1": task(*ONE)}),
    Cycle("deploy", {"deploy": task("deploy", "ai-engine", "--force", "--observe", "0")}),
    Cycle("down", {"down": task("down"), "scale from nothing": task(*ONE)}),
)

Samples = dict[str, list[tuple[float, float]]]
"""Title of a task -> seconds of the base and of this checkout, a pair for each run of both."""


def measure(engine: Engine, base: Path, pairs: int, names: Sequence[str] = ()) -> BenchmarkSection:
    """Time the cycles named, or all, at least `pairs` times in both checkouts.

    Raises:
        RuntimeError: the base has no environment.
    """
    if not (base / ".venv" / "bin" / "invoke").is_file():
        raise RuntimeError(f"{base} has no environment; make it there: python3 scripts/bootstrap.py true")
    samples: Samples = {}
    with ExitStack() as entered:
        stacks = [
            entered.enter_context(platform(engine, {**SETTINGS, **images(number)}, root))
            for number, root in enumerate((base, ROOT))
        ]
        for stack in stacks:
            stack.invoke("scale", "--ai-engine", "1", deadline=900)
        for cycle in CYCLES:
            if not names or cycle.name in names:
                for order in orders(pairs * (QUICK_FACTOR if cycle.quick else 1)):
                    add_pair(samples, cycle, stacks, order)
                print(f"  {cycle.name}: {ratios_text(samples, cycle)}", file=sys.stderr, flush=True)
    return section(samples)


def images(number: int) -> dict[str, str]:
    """Return variables that name the images of one checkout: each builds its own sources."""
    return {variable(service): f"optimus-benchmark-{number}/{service}:paired" for service in SERVICES}


def orders(pairs: int) -> Iterator[tuple[int, int]]:
    """Give which checkout goes first in each pair, 0 the base and 1 this one: A B, B A, and so on."""
    for number in range(pairs):
        yield (1, 0) if number % 2 else (0, 1)


def add_pair(samples: Samples, cycle: Cycle, stacks: Sequence[Platform], order: tuple[int, int]) -> None:
    """Run a cycle in both checkouts."""
    seconds = {index: {title: run(stacks[index]) for title, run in cycle.tasks.items()} for index in order}
    for title in cycle.tasks:
        samples.setdefault(title, []).append((seconds[0][title], seconds[1][title]))


def ratios(samples: Sequence[tuple[float, float]]) -> list[float]:
    """Return this checkout's time by the base's, of each pair."""
    return paired([own for _, own in samples], [base for base, _ in samples], lambda own, base: own / base)


def ratios_text(samples: Samples, cycle: Cycle) -> str:
    """Return the ratios of a cycle, to show progress."""
    return ", ".join(f"{title} {median(ratios(samples[title])):.2f}" for title in cycle.tasks)


def section(samples: Samples) -> BenchmarkSection:
    """Make a figure of each task."""
    objectives = tuple(objective(title, found) for title, found in samples.items())
    raw = {
        title: {"seconds_base": rounded([base for base, _ in found]), "seconds": rounded([own for _, own in found])}
        for title, found in samples.items()
    }
    return BenchmarkSection("paired", objectives, raw, (NOTE,))


def objective(title: str, samples: Sequence[tuple[float, float]]) -> Objective:
    """Return the median ratio of a task, with its interval."""
    found = ratios(samples)
    base, own = (median(seconds) for seconds in zip(*samples, strict=True))
    interval = median_interval(found)
    certain = f"95 % interval {interval[0]:.2f} to {interval[1]:.2f}" if interval else "too few pairs for an interval"
    basis = f"{len(found)} pairs; {certain}; medians {own:.2f} s and {base:.2f} s"
    return Objective(f"{title}, in times of the base", "at most", MOST_RATIO, median(found), basis=basis)
