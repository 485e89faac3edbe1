from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.chat import SERVED_BY
from benchmarks.impact import ChangeWindow, Latency, longest_gap, measure_impact, per_second
from benchmarks.mix import Kind
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.load.result import ErrorKind, RequestResult

WINDOW = ChangeWindow(began=100.0, ended=110.0, stopped=120.0, replicas=("new",))


def result(
    ended: float, error: ErrorKind | None = None, *, kind: Kind = Kind.QUICK, host: str = "old", took: float = 0.01
) -> RequestResult:
    status = 502 if error is ErrorKind.STATUS else 200
    headers = {SERVED_BY: host} if host else {}
    began = ended - took
    return RequestResult("", kind.value, began, began, ended, status=status, error=error, headers=headers)


RESULTS = st.builds(
    result,
    st.floats(min_value=80, max_value=140),
    st.sampled_from([None, None, None, ErrorKind.STATUS, ErrorKind.RESET, ErrorKind.TRUNCATED]),
    kind=st.sampled_from(Kind),
    host=st.sampled_from(["old", "new", ""]),
    took=st.floats(min_value=0, max_value=15),
)


def test_failures_are_counted_by_outcome_and_cut_streams_apart() -> None:
    errors = [None, ErrorKind.STATUS, ErrorKind.STATUS, ErrorKind.RESET, ErrorKind.TRUNCATED]
    found = measure_impact(
        [*(result(101, error) for error in errors), result(105, ErrorKind.TRUNCATED, kind=Kind.SLOW_STREAM)], WINDOW
    )
    assert found.failures == {"502": 2, "reset": 1, "truncated": 1}
    assert (found.requests, found.failed, found.cut, found.lost) == (6, 4, 1, 5)


def test_requests_are_counted_by_what_they_asked_for() -> None:
    found = measure_impact([result(101, kind=kind) for kind in Kind], WINDOW)
    assert (found.requests, found.slow) == (5, 2)


def test_latencies_are_those_of_quick_posts_by_phase() -> None:
    results = [
        result(99, took=0.002),
        result(100.5, took=1.0),
        result(105, took=0.004, host="new"),
        result(105, took=12, kind=Kind.SLOW),
        result(105, took=0.9, kind=Kind.LIST),
        result(105, ErrorKind.STATUS, took=0.9),
        result(115, took=0.003, kind=Kind.QUICK_STREAM, host="new"),
    ]
    latencies = measure_impact(results, WINDOW).latencies
    assert {phase: (round(of.p50 or 0), of.count) for phase, of in latencies.items()} == {
        "before": (2, 1),
        "during": (4, 2),
        "after": (3, 1),
    }


def test_a_phase_without_requests_has_no_latency() -> None:
    assert measure_impact([result(99)], WINDOW).latencies["after"] == Latency(0, None, None)


def test_a_change_has_settled_when_the_new_answer_and_the_old_no_more() -> None:
    results = [
        result(104, host="new"),
        result(106, host="new"),
        result(112),
        result(113, ErrorKind.STATUS),
        result(118, host="new"),
    ]
    assert measure_impact(results, WINDOW).settled == pytest.approx(12)
    assert measure_impact(results[:2], WINDOW).settled == pytest.approx(4)


def test_what_settles_late_belongs_to_the_change() -> None:
    results = [result(111, took=0.5), result(112), result(119, host="new", took=0.001)]
    assert measure_impact([*results, result(113, host="new")], WINDOW).latencies["during"].count == 3


def test_a_gap_reaches_from_one_good_answer_to_the_next() -> None:
    results = [result(99), result(101), result(103, ErrorKind.STATUS), result(109), result(119)]
    assert measure_impact(results, WINDOW).gap == pytest.approx(10)


@given(st.lists(st.floats(min_value=0, max_value=50)))
def test_no_gap_is_longer_than_the_time_and_none_is_shorter_than_an_even_spread(times: list[float]) -> None:
    gap = longest_gap(times, 10, 20)
    assert 10 / (len(times) + 1) - 1e-9 <= gap <= 10


@given(st.lists(RESULTS, min_size=1))
def test_the_series_has_every_second_and_every_failure(results: list[RequestResult]) -> None:
    series = per_second(results, WINDOW)
    assert series.end == 20
    assert len(series.good) == len(series.bad) == 20 - series.start
    assert sum(series.bad) == sum(bool(result.error) for result in results)


@given(st.lists(RESULTS, min_size=1))
def test_no_request_is_lost_in_the_counting(results: list[RequestResult]) -> None:
    found = measure_impact(results, WINDOW)
    assert found.requests == found.lost + sum(not result.error for result in results)


def test_answers_stand_in_their_second() -> None:
    results = [result(ended) for ended in (97.5, 98.2, 98.9, 100.1, 125.0)]
    series = per_second([*results, result(101.5, ErrorKind.STATUS)], WINDOW)
    assert (series.start, series.good[:3], series.bad[:4]) == (-2, (2, 0, 1), (0, 0, 0, 1))
    assert sum(series.good) == 3


def test_the_first_failures_are_told_with_kind_time_and_replica() -> None:
    results = [
        result(99),
        result(101, ErrorKind.STATUS),
        result(103, ErrorKind.TRUNCATED, kind=Kind.QUICK_STREAM),
    ]
    found = measure_impact(results, replace(WINDOW, stopped=105.0))
    assert (found.failures, found.cut) == ({"502": 1}, 1)
    assert (found.series.start, found.series.good, found.series.bad) == (0, (0,) * 5, (0, 1, 0, 1, 0))
    assert found.first_failures[1] == "quick stream: cut stream of old, from 2.990 s to 3.000 s"
