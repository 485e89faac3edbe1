"""How spans hang together: whatever a store answers, each span stands in the tree once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.traces.spans import TRACE, span

from optimus_ops.traces.model import Span, Trace, make_trace


def names(spans: tuple[Span, ...]) -> list[str]:
    return [each.name for each in spans]


def walk(trace: Trace) -> list[Span]:
    found: list[Span] = []
    waiting = list(trace.tops)
    while waiting:
        found.append(waiting.pop())
        waiting += trace.children(found[-1])
    return found


def test_spans_in_any_order_become_a_tree() -> None:
    trace = make_trace(TRACE, [span(3, 1, at=5), span(2, 1, at=1), span(1)])
    assert names(trace.roots) == ["work 1"]
    assert names(trace.children(trace.roots[0])) == ["work 2", "work 3"]
    assert trace.parent(trace.spans[1]) == trace.roots[0]


def test_a_span_whose_parent_is_missing_stands_at_the_top() -> None:
    trace = make_trace(TRACE, [span(1), span(2, 9)])
    assert (names(trace.roots), names(trace.orphans), names(trace.tops)) == (
        ["work 1"],
        ["work 2"],
        ["work 1", "work 2"],
    )


def test_a_span_that_came_twice_counts_once_and_the_ended_one_stays() -> None:
    trace = make_trace(TRACE, [span(1, end_ns=0), span(1, lasts=7), span(1, end_ns=0)])
    assert (len(trace.spans), trace.duplicates) == (1, 2)
    assert trace.spans[0].duration_ns == 7_000_000


def test_client_and_server_that_share_an_id_are_two_spans() -> None:
    trace = make_trace(TRACE, [span(1, kind="client"), span(1, kind="server", at=1)])
    assert len(trace.spans) == 2


def test_spans_of_another_trace_are_left_out() -> None:
    trace = make_trace(TRACE, [span(1), span(2, trace_id="f" * 32)])
    assert (names(trace.spans), trace.foreign) == (["work 1"], 1)


def test_parents_in_a_circle_are_cut_at_the_earliest_span() -> None:
    trace = make_trace(TRACE, [span(1, 3, at=2), span(2, 1, at=1), span(3, 2, at=3), span(4, 4)])
    assert names(trace.circular) == ["work 4", "work 2"]
    assert sorted(names(tuple(walk(trace)))) == ["work 1", "work 2", "work 3", "work 4"]


def test_a_span_that_has_not_ended_or_ended_before_its_start_lasts_nothing() -> None:
    assert span(1, end_ns=0).duration_ns == span(1, lasts=-4).duration_ns == 0


@given(
    st.lists(
        st.builds(
            span,
            st.integers(1, 12),
            st.integers(0, 14),
            at=st.integers(-5, 5),
            lasts=st.integers(-5, 5),
            kind=st.sampled_from(["client", "server"]),
        ),
        max_size=30,
    )
)
def test_every_span_is_reached_exactly_once(spans: list[Span]) -> None:
    trace = make_trace(TRACE, spans)
    assert sorted(map(id, walk(trace))) == sorted(map(id, trace.spans))
    assert len(trace.spans) + trace.duplicates == len(spans)
    for top in trace.tops:
        assert not top.parent_id or trace.parent(top) is None or top in trace.circular
