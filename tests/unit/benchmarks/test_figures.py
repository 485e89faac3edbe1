from __future__ import annotations

import math
from fractions import Fraction

import pytest
from benchmarks.figures import (
    Figure,
    Target,
    Verdict,
    cpu_shares,
    median_difference,
    median_ratio,
    quantile,
    shown,
    summary,
)
from hypothesis import given
from hypothesis import strategies as st

numbers = st.floats(min_value=0, max_value=1e6)


@given(st.lists(numbers, min_size=1, max_size=300), st.integers(min_value=1, max_value=1000))
def test_a_quantile_is_the_smallest_sample_that_enough_samples_do_not_exceed(samples: list[float], mille: int) -> None:
    found = quantile(samples, mille / 1000)
    enough = Fraction(mille, 1000) * len(samples)
    assert sum(sample <= found for sample in samples) >= enough
    assert all(sum(other <= smaller for other in samples) < enough for smaller in samples if smaller < found)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1.0], 0), ([1.0], 1.1)])
def test_there_is_no_quantile_of_nothing_nor_out_of_bounds(samples: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile(samples, share)


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


@pytest.mark.parametrize(
    ("measured", "at_least", "verdict"),
    [
        (1.3, False, Verdict.MET),
        (1.3001, False, Verdict.MISSED),
        (1.3, True, Verdict.MET),
        (1.2999, True, Verdict.MISSED),
        (None, False, Verdict.UNMEASURED),
        (math.nan, True, Verdict.UNMEASURED),
    ],
)
def test_a_verdict_follows_from_the_number_alone(measured: float | None, at_least: bool, verdict: Verdict) -> None:
    assert Figure("it", measured, Target(1.3, at_least=at_least), "").verdict is verdict


def test_numbers_are_shown_with_three_digits_and_whole_from_a_hundred_on() -> None:
    assert [shown(1.2345, "s"), shown(99.96), shown(1234.5, "requests/s")] == ["1.23 s", "100", "1,234 requests/s"]


def test_a_target_says_in_which_direction_it_bounds() -> None:
    assert [str(Target(700, "requests/s", at_least=True)), str(Target(1.5))] == [
        "at least 700 requests/s",
        "at most 1.5",
    ]


def test_processor_shares_leave_out_who_is_gone() -> None:
    assert cpu_shares({"one": 1.0, "gone": 1.0}, {"one": 6.0, "new": 9.0}, 10) == {"one": 0.5}
