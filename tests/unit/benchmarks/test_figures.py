from __future__ import annotations

import math

import pytest
from benchmarks.figures import cpu_shares, interleave, median_difference, median_interval, ratio_objective
from hypothesis import given
from hypothesis import strategies as st


def test_ways_go_first_in_turn_so_that_a_drift_falls_on_all() -> None:
    called: list[str] = []

    def way(name: str) -> int:
        called.append(name)
        return len(called)

    assert interleave([lambda: way("a"), lambda: way("b")], 4) == [[1, 4, 5, 8], [2, 3, 6, 7]]
    assert "".join(called) == "abbaabba"


def test_pairs_are_compared_before_the_median_is_taken() -> None:
    assert ratio_objective("", 1.3, [2, 30, 9], [1, 10, 1]).measured == 3
    assert median_difference([2, 30, 9], [1, 10, 1]) == 8


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
def test_what_is_no_pair_is_refused(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pairs|zip"):
        median_difference(ours, theirs)
    with pytest.raises(ValueError, match=r"pairs|zip"):
        ratio_objective("", 1.3, ours, theirs)


def test_a_ratio_says_how_sure_it_is() -> None:
    found = ratio_objective("status", 1.05, [0.9, 1.9, 5.0, 1.0, 0.8, 0.9], [1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    assert (round(found.measured or 0, 3), found.verdict) == (0.925, "met")
    assert found.basis == "6 pairs, 95 % interval 0.80 to 5.00; medians 0.95 s and 1 s"
    assert "too few for an interval" in ratio_objective("status", 1.05, [1.0] * 5, [2.0] * 5).basis


@given(st.lists(st.floats(0, 10), max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_of_a_median_is_as_narrow_as_the_confidence_allows(
    samples: list[float], confidence: float
) -> None:
    def coverage(rank: int) -> float:
        """How sure the median lies between the `rank`-th smallest and largest of so many samples."""
        below = sum(math.comb(len(samples), smaller) for smaller in range(rank))
        return 1 - below / 2.0 ** (len(samples) - 1)

    found, ordered = median_interval(samples, confidence), sorted(samples)
    sure = [rank for rank in range(1, len(samples) // 2 + 1) if coverage(rank) >= confidence - 1e-12]
    assert found == ((ordered[sure[-1] - 1], ordered[-sure[-1]]) if sure else None)


def test_six_samples_are_the_fewest_with_an_interval_of_95_percent() -> None:
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([6, 2, 3, 4, 5, 1]) == (1, 6)


def test_processor_shares_leave_out_who_is_gone() -> None:
    assert cpu_shares({"one": 1.0, "gone": 1.0}, {"one": 6.0, "new": 9.0}, 10) == {"one": 0.5}
