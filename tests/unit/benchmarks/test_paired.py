from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from benchmarks.paired import CYCLES, Cycle, add_pair, measure, objective, orders
from benchmarks.platform_under_test import Engine, Platform


def stack(name: str) -> Platform:
    return Platform(name, Path(), 0, {}, Engine(None))


def test_checkouts_go_first_in_turn_so_that_a_drift_falls_on_both() -> None:
    assert list(orders(4)) == [(0, 1), (1, 0), (0, 1), (1, 0)]
    sides = [side for order in islice(orders(100), 10) for side in order]
    assert sum(at for at, side in enumerate(sides) if side) == sum(at for at, side in enumerate(sides) if not side)


def test_the_tasks_of_a_cycle_run_one_behind_the_other_in_each_checkout() -> None:
    ran: list[str] = []

    def task(title: str, seconds: float) -> Callable[[Platform], float]:
        def run(stack: Platform) -> float:
            ran.append(f"{stack.project} {title}")
            return seconds * len(stack.project)

        return run

    cycle = Cycle("scale", {"up": task("up", 1.0), "down": task("down", 2.0)})
    samples: dict[str, list[tuple[float, float]]] = {}
    add_pair(samples, cycle, (stack("base"), stack("own")), (1, 0))
    assert ran == ["own up", "own down", "base up", "base down"]
    assert samples == {"up": [(4.0, 3.0)], "down": [(8.0, 6.0)]}


def test_a_task_is_judged_by_the_median_of_its_pairs() -> None:
    found = objective("status", [(1.0, 0.9), (2.0, 1.9), (1.0, 5.0), (1.0, 1.0), (1.0, 0.8), (1.0, 0.9)])
    assert (round(found.measured or 0, 3), found.verdict) == (0.925, "met")
    assert found.basis == "6 pairs; 95 % interval 0.80 to 5.00; medians 0.95 s and 1.00 s"


def test_too_few_pairs_have_no_interval() -> None:
    assert "too few pairs for an interval" in objective("status", [(1.0, 2.0)] * 5).basis


def test_a_base_without_an_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="bootstrap"):
        measure(Engine(None), tmp_path, 1)


def test_no_two_tasks_have_one_title() -> None:
    titles = [title for cycle in CYCLES for title in cycle.tasks]
    assert len(set(titles)) == len(titles)
