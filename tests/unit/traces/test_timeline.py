"""Clocks, the critical path, and gaps."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.traces.spans import MILLISECOND, START, TRACE, span

from optimus_ops.traces.critical_path import critical_path
from optimus_ops.traces.gaps import find_gaps
from optimus_ops.traces.model import Span, make_trace
from optimus_ops.traces.timeline import Timeline, make_timeline


def timeline(*spans: Span) -> Timeline:
    return make_timeline(make_trace(TRACE, spans))


def at(line: Timeline, number: int) -> float:
    return (line.start(line.trace.by_id[f"{number:016x}"]) - START) / MILLISECOND


def path(line: Timeline) -> dict[str, float]:
    critical = critical_path(line)
    own = {each.name: sum(end - start for start, end in critical.get(id(each), ())) for each in line.trace.spans}
    return {name: time / MILLISECOND for name, time in own.items() if time}


def test_a_child_of_another_process_that_starts_before_its_parent_is_moved_into_it() -> None:
    line = timeline(
        span(1, at=100, lasts=50),
        span(2, 1, at=60, lasts=30, service="cart"),
        span(3, 2, at=65, lasts=5, service="cart"),
        span(4, 2, at=70, lasts=5, service="shop"),
    )
    assert (at(line, 1), at(line, 2), at(line, 3)) == (100, 110, 115)
    assert at(line, 4) == 122.5
    assert line.shift(line.trace.by_id[f"{2:016x}"]) == 50 * MILLISECOND


def test_a_server_that_starts_after_its_call_ended_is_moved_back() -> None:
    line = timeline(span(1, at=0, lasts=50, kind="client"), span(2, 1, at=500, lasts=30, service="cart", kind="server"))
    assert at(line, 2) == 10


def test_a_consumer_may_start_after_its_producer_ended() -> None:
    line = timeline(
        span(1, at=0, lasts=5, kind="producer"), span(2, 1, at=500, lasts=30, service="cart", kind="consumer")
    )
    assert at(line, 2) == 500


def test_a_child_in_the_same_process_is_left_where_it_is() -> None:
    assert at(timeline(span(1, at=10), span(2, 1, at=5)), 2) == 5


def test_the_instance_says_which_clock_a_span_has() -> None:
    other = {"service.instance.id": "shop-2"}
    assert at(timeline(span(1, at=10), span(2, 1, at=5, lasts=10, resource=other)), 2) == 10


def test_a_span_without_a_start_begins_with_its_parent() -> None:
    line = timeline(span(1, at=10), span(2, 1, start_ns=0, end_ns=0))
    assert at(line, 2) == 10
    assert line.duration_ns == 10 * MILLISECOND


def test_the_critical_path_goes_through_what_the_end_waited_for() -> None:
    line = timeline(
        span(1, at=0, lasts=100),
        span(2, 1, at=10, lasts=30),
        span(3, 1, at=20, lasts=10),
        span(4, 1, at=50, lasts=40),
        span(5, 4, at=60, lasts=25),
    )
    assert path(line) == {"work 1": 30, "work 2": 30, "work 4": 15, "work 5": 25}


def test_the_critical_path_follows_a_message_beyond_the_end_of_its_request() -> None:
    line = timeline(
        span(1, at=0, lasts=10),
        span(2, 1, at=5, lasts=2, kind="producer"),
        span(3, 2, at=20, lasts=30, service="worker"),
    )
    assert path(line) == {"work 1": 5, "work 2": 2, "work 3": 30}


def test_a_wait_in_a_queue_is_a_gap_with_that_name() -> None:
    line = timeline(
        span(1, at=0, lasts=10, kind="producer"), span(2, 1, at=40, lasts=30, service="worker", kind="consumer")
    )
    (gap,) = find_gaps(line)
    assert (gap.cause, gap.duration_ns) == ("queue", 30 * MILLISECOND)


def test_what_a_call_takes_beside_its_server_is_a_gap() -> None:
    call = span(1, at=0, lasts=100, kind="client")
    (gap,) = find_gaps(timeline(call, span(2, 1, at=30, lasts=40, service="cart", kind="server")))
    assert (gap.cause, gap.duration_ns) == ("hand-over", 60 * MILLISECOND)


def test_work_of_a_parent_is_no_gap() -> None:
    assert not find_gaps(
        timeline(span(1, lasts=100, kind="server"), span(2, 1, at=30, lasts=40, service="cart", kind="server"))
    )


def test_a_silence_between_spans_is_a_gap_that_nobody_explains() -> None:
    (gap,) = find_gaps(timeline(span(1, at=0, lasts=10), span(2, 9, at=60, lasts=10)))
    assert (gap.cause, gap.before.name, gap.after.name) == ("unknown", "work 1", "work 2")


def test_short_gaps_are_not_told() -> None:
    assert not find_gaps(timeline(span(1, at=0, lasts=10), span(2, 9, at=10.5, lasts=10)))


@given(
    st.lists(
        st.builds(
            span,
            st.integers(1, 10),
            st.integers(0, 12),
            at=st.integers(-20, 20),
            lasts=st.integers(-5, 30),
            service=st.sampled_from(["shop", "cart"]),
            kind=st.sampled_from(["client", "server", "consumer"]),
        ),
        max_size=15,
    )
)
def test_the_critical_path_never_counts_a_moment_twice(spans: list[Span]) -> None:
    line = timeline(*spans)
    pieces = sorted(piece for found in critical_path(line).values() for piece in found)
    assert all(start < end for start, end in pieces)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(pieces))
    assert sum(end - start for start, end in pieces) <= line.duration_ns
    assert all(gap.duration_ns > 0 for gap in find_gaps(line))
