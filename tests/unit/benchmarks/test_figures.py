from __future__ import annotations

import math

import pytest
from benchmarks.figures import cpu_shares, median_difference, median_interval, median_ratio, summary
from hypothesis import given
from hypothesis import strategies as st


def test_a_summary_keeps_the_extremes() -> None:
    found = summary([3.0, 1.0, 2.0])
    assert (found["count"], found["minimum"], found["p50"], found["maximum"]) == (3, 1.0, 2.0, 3.0)


def test_pairs_are_compared_before_the_median_is_taken() -> None:
    assert median_ratio([2, 30, 9], [1, 10, 1]) == 3
    assert median_difference([2, 30, 9], [1, 10, 1]) == 8


@pytest.mark.parametrize("compare", [median_ratio, median_difference])
@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
def test_what_is_no_pair_is_refused(compare: object, ours: list[float], theirs: list[float]) -> None:
    assert callable(compare)
    with pytest.raises(ValueError, match=r"pairs|zip"):
        compare(ours, theirs)


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
