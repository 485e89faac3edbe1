from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.loadtest.histogram import RELATIVE_ERROR, Histogram
from optimus_ops.reports.measurement import percentile

DURATIONS = st.lists(st.floats(min_value=2e-6, max_value=5_000), min_size=1, max_size=200)
PERCENTS = st.sampled_from([1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0])


def histogram_of(durations: list[float]) -> Histogram:
    found = Histogram()
    for duration in durations:
        found.record(duration)
    return found


@given(DURATIONS, PERCENTS)
def test_a_percentile_is_off_by_the_relative_error_at_most(durations: list[float], percent: float) -> None:
    found = histogram_of(durations).percentile(percent)
    right = percentile(durations, percent)
    assert found is not None
    assert abs(found - right) <= right * RELATIVE_ERROR * (1 + 1e-9)


@given(st.lists(DURATIONS, min_size=1, max_size=5), PERCENTS)
def test_merging_is_the_same_as_recording_in_one_place(parts: list[list[float]], percent: float) -> None:
    merged = Histogram.merged(histogram_of(part) for part in parts)
    whole = histogram_of([duration for part in parts for duration in part])
    assert merged.counts == whole.counts
    assert merged.percentile(percent) == whole.percentile(percent)
    assert merged.maximum == whole.maximum


def test_an_average_of_percentiles_is_not_what_merging_gives() -> None:
    fast, slow = histogram_of([0.01] * 990), histogram_of([1.0] * 10)
    assert Histogram.merged([fast, slow]).percentile(95) == fast.percentile(95)


def test_a_clock_that_was_set_back_counts_as_nothing() -> None:
    assert histogram_of([-1.0]).percentile(50) == 0.0


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile(99) is None
    assert Histogram().mean is None
    assert Histogram().share_within(1.0) is None


def test_share_within_a_bound() -> None:
    assert histogram_of([0.1, 0.1, 0.1, 2.0]).share_within(0.5) == 0.75
