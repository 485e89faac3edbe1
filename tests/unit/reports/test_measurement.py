from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.reports.measurement import (
    Comparison,
    Measurement,
    Objective,
    ObjectiveVerdict,
    count_verdicts,
    format_number,
    percentile,
)

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(SAMPLES, st.floats(0.01, 100))
def test_a_percentile_is_the_smallest_sample_that_enough_do_not_exceed(samples: list[float], percent: float) -> None:
    found = percentile(samples, percent)
    enough = percent * len(samples) / 100 - 1e-6
    assert found in samples
    assert sum(sample <= found for sample in samples) >= enough
    assert sum(sample < found for sample in samples) < enough + 1e-3


def test_a_product_that_is_a_little_too_large_is_not_the_next_rank() -> None:
    assert percentile(range(1, 101), 29) == 29


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(samples: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile of"):
        percentile(samples, percent)


@given(SAMPLES)
def test_a_median_keeps_its_samples(samples: list[float]) -> None:
    found = Measurement.median("outage", samples, "s")
    assert found.value == statistics.median(samples)
    assert found.samples == tuple(samples)


@pytest.mark.parametrize(
    ("count", "percent", "known"), [(19, 95, False), (20, 95, True), (99, 99, False), (100, 99, True)]
)
def test_a_percentile_needs_samples_beyond_it(count: int, percent: float, known: bool) -> None:
    found = Measurement.median("latency", [float(number) for number in range(count)]).percentile(percent)
    assert (found is not None) is known


def test_nothing_measured_has_no_median() -> None:
    assert Measurement.median("latency", []).value is None


@pytest.mark.parametrize(
    ("comparison", "measured", "verdict"),
    [
        ("under", 9.9, "met"),
        ("under", 10.0, "missed"),
        ("at most", 10.0, "met"),
        ("at most", 10.1, "missed"),
        ("at least", 10.0, "met"),
        ("at least", 9.9, "missed"),
        ("at most", None, "not measured"),
        ("at least", math.nan, "not measured"),
    ],
)
def test_an_objective_is_met_missed_or_not_measured(
    comparison: Comparison, measured: float | None, verdict: ObjectiveVerdict
) -> None:
    assert Objective("outage", comparison, 10, measured).verdict == verdict


def test_objectives_are_counted() -> None:
    found = [Objective("a", "at most", 1, value) for value in (0.5, 1.0, 2.0, None)]
    assert count_verdicts(found) == "2 of 4 objectives met, 1 missed, 1 not measured"
    assert count_verdicts(found[:2]) == "2 of 2 objectives met"


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(8.2149, "s", "8.21 s"), (0, "", "0"), (32856, "", "32,856"), (99.96, "ms", "100 ms"), (0.0123, "", "0.0123")],
)
def test_a_number_has_three_significant_digits(number: float, unit: str, text: str) -> None:
    assert format_number(number, unit) == text
