from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.paired import CYCLES, Cycle, measure, run_cycle, section
from benchmarks.platform_under_test import Engine, Platform
from benchmarks.section import objectives_of

from optimus_ops.reports.measurement import Measurement
from optimus_ops.reports.model import Details


def test_the_tasks_of_a_cycle_run_one_behind_the_other() -> None:
    ran: list[str] = []

    def task(title: str, seconds: float) -> Callable[[Platform], float]:
        def run(stack: Platform) -> float:
            ran.append(f"{stack.project} {title}")
            return seconds

        return run

    cycle = Cycle("scale", {"up": task("up", 1.0), "down": task("down", 2.0)})
    assert run_cycle(cycle, Platform("base", Path(), 0, {}, Engine(None))) == {"up": 1.0, "down": 2.0}
    assert ran == ["base up", "base down"]


def test_a_task_that_takes_longer_than_in_the_base_is_missed() -> None:
    found = section({"status": ([1.0, 1.0], [1.1, 1.1]), "down": ([1.0, 1.0], [0.9, 0.9])})
    assert [objective.verdict for objective in objectives_of(found)] == ["missed", "met"]
    [details] = [block for block in found if isinstance(block, Details)]
    kept = {block.name: block.samples for block in details.blocks if isinstance(block, Measurement)}
    assert (kept["status, base"], kept["status"]) == ((1.0, 1.0), (1.1, 1.1))


def test_a_base_without_an_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="bootstrap"):
        measure(Engine(None), tmp_path, 1)


def test_no_two_tasks_have_one_title() -> None:
    titles = [title for cycle in CYCLES for title in cycle.tasks]
    assert len(set(titles)) == len(titles)
