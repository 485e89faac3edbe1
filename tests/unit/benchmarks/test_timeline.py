from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.clients import Fate, Kind
from benchmarks.http_client import CUT
from benchmarks.timeline import Latency, Window, as_json, longest_gap, seen, series
from hypothesis import given
from hypothesis import strategies as st

WINDOW = Window(began=100.0, ended=110.0, stopped=120.0, there=("new",))


def fate(ended: float, failure: str = "", *, kind: Kind = Kind.QUICK, host: str = "old", took: float = 0.01) -> Fate:
    return Fate(kind, ended - took, ended, failure, host)


FATES = st.builds(
    fate,
    st.floats(min_value=80, max_value=140),
    st.sampled_from(["", "", "", "502", "reset", CUT]),
    kind=st.sampled_from(Kind),
    host=st.sampled_from(["old", "new", ""]),
    took=st.floats(min_value=0, max_value=15),
)


def test_failures_are_counted_by_what_happened_and_cut_streams_apart() -> None:
    found = seen([fate(101), fate(102, "502"), fate(103, "502"), fate(104, "reset"), fate(105, CUT)], WINDOW)
    assert found.failures == {"502": 2, "reset": 1}
    assert (found.requests, found.failed, found.cut, found.lost) == (5, 3, 1, 4)


def test_requests_are_counted_by_what_they_asked_for() -> None:
    found = seen([fate(101, kind=kind) for kind in Kind], WINDOW)
    assert (found.requests, found.posts, found.slow, found.streams) == (5, 4, 2, 2)


def test_latencies_are_those_of_quick_posts_by_phase() -> None:
    fates = [
        fate(99, took=0.002),
        fate(100.5, took=1.0),
        fate(105, took=0.004, host="new"),
        fate(105, took=12, kind=Kind.SLOW),
        fate(105, took=0.9, kind=Kind.LIST),
        fate(105, "502", took=0.9),
        fate(115, took=0.003, kind=Kind.QUICK_STREAM, host="new"),
    ]
    latencies = seen(fates, WINDOW).latencies
    assert {phase: (round(of.p50 or 0), of.count) for phase, of in latencies.items()} == {
        "before": (2, 1),
        "during": (4, 2),
        "after": (3, 1),
    }


def test_a_phase_without_requests_has_no_latency() -> None:
    assert seen([fate(99)], WINDOW).latencies["after"] == Latency(0, None, None)


def test_a_change_has_settled_when_the_new_answer_and_the_old_no_more() -> None:
    fates = [fate(104, host="new"), fate(106, host="new"), fate(112), fate(113, "502"), fate(118, host="new")]
    assert seen(fates, WINDOW).settled == pytest.approx(12)
    assert seen(fates[:2], WINDOW).settled == pytest.approx(4)


def test_what_settles_late_belongs_to_the_change() -> None:
    fates = [fate(111, took=0.5), fate(112), fate(119, host="new", took=0.001)]
    assert seen([*fates, fate(113, host="new")], WINDOW).latencies["during"].count == 3


def test_a_gap_reaches_from_one_good_answer_to_the_next() -> None:
    fates = [fate(99), fate(101), fate(103, "502"), fate(109), fate(119)]
    assert seen(fates, WINDOW).gap == pytest.approx(10)


@given(st.lists(st.floats(min_value=0, max_value=50)))
def test_no_gap_is_longer_than_the_time_and_none_is_shorter_than_an_even_spread(moments: list[float]) -> None:
    gap = longest_gap(moments, 10, 20)
    assert 10 / (len(moments) + 1) - 1e-9 <= gap <= 10


@given(st.lists(FATES, min_size=1))
def test_the_series_has_every_second_and_every_failure(fates: list[Fate]) -> None:
    found = series(fates, WINDOW)
    assert [second.at for second in found] == list(range(found[0].at, 20))
    assert sum(second.failed for second in found) == sum(not one.good for one in fates)


@given(st.lists(FATES, min_size=1))
def test_no_request_is_lost_in_the_counting(fates: list[Fate]) -> None:
    found = seen(fates, WINDOW)
    assert found.requests == found.lost + sum(one.good for one in fates)


def test_answers_stand_in_their_second() -> None:
    fates = [fate(98.2), fate(98.9), fate(100.1), fate(101.5, "502"), fate(125.0)]
    found = {second.at: (second.answered, second.failed) for second in series([fate(97.5), *fates], WINDOW)}
    assert found[-2] == (2, 0)
    assert found[0] == (1, 0)
    assert found[1] == (0, 1)
    assert sum(answered for answered, _ in found.values()) == 3


def test_the_document_holds_what_the_tables_and_the_picture_were_made_from() -> None:
    document = as_json(seen([fate(99), fate(101, "502"), fate(103, CUT)], replace(WINDOW, stopped=105.0)))
    assert document["failed"] == {"502": 1}
    assert document["cut_streams"] == 1
    assert document["series"] == {"first_second": 0, "answered": [0] * 5, "failed": [0, 1, 0, 1, 0]}
