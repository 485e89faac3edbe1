from __future__ import annotations

from itertools import combinations
from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.balancer.significance import fisher, mann_whitney


def exact_fisher(new_hits: int, new_total: int, old_hits: int, old_total: int) -> float:
    hits = new_hits + old_hits
    ways = sum(comb(new_total, x) * comb(old_total, hits - x) for x in range(new_hits, min(hits, new_total) + 1))
    return ways / comb(new_total + old_total, hits)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    new_total, old_total = draw(st.integers(0, 80)), draw(st.integers(0, 80))
    return draw(st.integers(0, new_total)), new_total, draw(st.integers(0, old_total)), old_total


@given(tables())
def test_fisher_s_test_is_what_counting_all_ways_says(table: tuple[int, int, int, int]) -> None:
    assert isclose(fisher(*table), exact_fisher(*table), rel_tol=1e-9)


def test_fisher_s_test_takes_large_numbers() -> None:
    assert fisher(3_000, 300_000, 3_000, 300_000) == pytest.approx(0.5, abs=0.01)
    assert fisher(300_000, 300_000, 0, 900_000) == 0.0
    assert fisher(0, 300_000, 900_000, 900_000) == 1.0


def exact_mann_whitney(new: list[int], old: list[int]) -> float:
    """Count among all ways to choose the new ones those that rank as high."""
    pooled = [*new, *old]

    def above(chosen: tuple[int, ...]) -> float:
        others = [value for place, value in enumerate(pooled) if place not in chosen]
        return sum((pooled[place] > other) + (pooled[place] == other) / 2 for place in chosen for other in others)

    observed = above(tuple(range(len(new))))
    ways = [above(chosen) for chosen in combinations(range(len(pooled)), len(new))]
    return sum(way >= observed for way in ways) / len(ways)


@given(st.permutations(range(12)), st.integers(5, 7))
def test_mann_whitney_s_test_is_near_what_counting_all_ways_says(values: list[int], count: int) -> None:
    new, old = values[:count], values[count:]
    assert mann_whitney(new, old) == pytest.approx(exact_mann_whitney(new, old), abs=0.02)


@given(st.integers(100, 200), st.integers(100, 200), st.integers(30, 70), st.integers(30, 70))
def test_with_two_values_only_both_tests_agree(new_total: int, old_total: int, new_hits: int, old_hits: int) -> None:
    new = [1.0] * new_hits + [0.0] * (new_total - new_hits)
    old = [1.0] * old_hits + [0.0] * (old_total - old_hits)
    assert mann_whitney(new, old) == pytest.approx(fisher(new_hits, new_total, old_hits, old_total), abs=0.08)


@given(st.lists(st.floats(0, 60), max_size=30), st.lists(st.floats(0, 60), max_size=30))
def test_only_the_order_of_values_counts(new: list[float], old: list[float]) -> None:
    chance = mann_whitney(new, old)
    ranks = {value: float(rank) for rank, value in enumerate(sorted({*new, *old}))}
    assert 0 <= chance <= 1
    assert mann_whitney([ranks[value] for value in new], [ranks[value] for value in old]) == pytest.approx(chance)


def test_values_that_are_all_equal_say_nothing() -> None:
    assert mann_whitney([1.0] * 50, [1.0] * 50) == 1.0
    assert mann_whitney([], [1.0]) == 1.0
