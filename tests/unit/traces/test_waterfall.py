"""What a person sees of a trace."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.unit.traces.spans import TRACE, span

from optimus_ops.traces import words
from optimus_ops.traces.model import Event, Link, Span, make_trace
from optimus_ops.traces.show import trace_lines
from optimus_ops.traces.timeline import make_timeline

SGR = re.compile(r"\x1b\[[0-9;]*m")
OTHER = "f" * 32


def shown(*spans: Span, columns: int = 100, colour: bool = False, **facts: Any) -> list[str]:
    trace = replace(make_trace(TRACE, spans), **facts)
    return list(trace_lines(make_timeline(trace), colour=colour, columns=columns))


def text(*spans: Span, **given: Any) -> str:
    return "\n".join(shown(*spans, **given))


def test_services_names_bars_and_durations_stand_in_columns() -> None:
    lines = shown(span(1, lasts=100), span(2, 1, at=50, lasts=25, service="cart"), columns=60)
    assert lines[:2] == [f"trace {TRACE}", "2026-11-28 06:11:44.000 UTC · 100 ms · 2 spans · 2 services"]
    assert [line.split()[0] for line in lines[3:5]] == ["shop", "cart"]
    assert lines[4].startswith("cart   work 2")
    assert lines[4].endswith("25.0 ms")


def test_the_critical_path_is_heavy_and_the_rest_is_light() -> None:
    lines = shown(span(1, lasts=100), span(2, 1, at=50, lasts=50))
    bar = lines[3]
    assert bar.count("━") == pytest.approx(bar.count("─"), abs=2)
    assert "─" not in lines[4]


def test_an_error_says_why() -> None:
    thrown = Event("exception", 0, {"exception.type": "RuntimeError", "exception.message": "no\nmodel"})
    found = text(
        span(1, status="error", status_message="provider failed"),
        span(2, status="error", events=(thrown,)),
        span(3, status="error", attributes={"error.type": "timeout"}),
        span(4, status="error"),
    )
    for word in (
        "✗ provider failed",
        "✗ RuntimeError: no model",
        "✗ timeout",
        "✗ failed, and does not say why",
        "4 failed",
    ):
        assert word in found


def test_links_lead_to_spans_of_this_trace_and_to_others() -> None:
    links = (Link(TRACE, f"{2:016x}"), Link(TRACE, "9" * 16), Link(OTHER, "1" * 16), Link(OTHER, "2" * 16))
    found = text(span(1, links=links), span(2, name="first attempt"))
    assert "→ linked to first attempt (shop)" in found
    assert f"→ linked to span {'9' * 16}" in found
    assert f"→ linked trace {OTHER}" in found
    assert "→ and 1 more link" in found


def test_what_is_not_as_it_should_be_is_said() -> None:
    found = text(
        span(2, 9),
        span(3, end_ns=0, parent_id="5" * 16),
        span(4, 2, lasts=-3),
        span(5, 6),
        span(6, 5),
        span(7, 2, at=-100, service="cart"),
        span(2, 9),
        span(8, trace_id=OTHER),
        cut=True,
        columns=200,
    )
    for words_of_it in (
        "its parent 0000000000000009 is not in the trace",
        "it has no root",
        "2 spans without their parents",
        "1 circle of parents",
        "not ended",
        "1 span without an end",
        "backwards",
        "1 span ended before they started",
        "the clock of cart is 100 ms behind",
        "its clock differs: shown 100 ms later",
        "gives no more than 6 spans of a trace",
        "1 span stored more than once",
        "1 span of other traces",
    ):
        assert words_of_it in found


def test_siblings_of_one_name_are_shown_by_examples() -> None:
    many = [span(n, 1, at=n, lasts=n, name="SELECT") for n in range(2, 102)]
    failed = span(200, 1, at=1, name="SELECT", status="error")
    below = [span(1000 + n, n, at=n, lasts=1) for n in range(2, 102)]
    lines = shown(span(1, lasts=300), *many, failed, *below)
    assert sum("SELECT" in line and "…" not in line for line in lines) < 6
    (folded,) = [line for line in lines if "more SELECT" in line]
    assert "… and 98 more SELECT: 2.00 ms to 99.0 ms" in folded
    assert "with 98 spans below" in folded
    assert any("✗" in line for line in lines)


def test_ten_thousand_spans_fit_a_screen_and_what_is_left_out_is_counted() -> None:
    spans = [span(1), *(span(n, n // 2, name=f"step {n}") for n in range(2, 10_001))]
    lines = shown(*spans)
    assert len(lines) < 300
    (rest,) = [line for line in lines if "more spans; all of them: --json" in line]
    counted = int(rest.split()[2])
    folded = sum(int(found[1]) for line in lines if (found := re.search(r"… (\d+) spans? deeper", line)))
    assert counted + folded + sum("step" in line or "work" in line for line in lines[3:255]) == 10_000


def test_a_chain_of_ten_thousand_spans_is_cut_where_it_gets_deep() -> None:
    lines = shown(span(1), *(span(n, n - 1) for n in range(2, 10_001)))
    assert any(re.search(r"… \d+ spans deeper", line) for line in lines)
    assert len(lines) < 60


def test_what_a_span_is_called_can_do_nothing_to_a_terminal() -> None:
    found = text(
        span(1, name="\x1b[2Jclear\r\n\x07", service="\x1b]0;title\x07shop", status="error", status_message="\x1b[31m")
    )
    assert "\x1b" not in found
    assert "\x07" not in found
    assert "clear" in found


def test_colours_are_for_terminals_alone() -> None:
    spans = (span(1), span(2, 1, service="cart", status="error"))
    plain, coloured = text(*spans), text(*spans, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert SGR.sub("", coloured) == plain


NAMES = st.text(max_size=40)


@given(
    st.lists(
        st.builds(
            span,
            st.integers(1, 12),
            st.integers(0, 14),
            at=st.integers(-5, 50),
            lasts=st.integers(-5, 50),
            name=NAMES,
            service=NAMES,
            status=st.sampled_from(["unset", "error"]),
            status_message=NAMES,
        ),
        max_size=20,
    ),
    st.integers(40, 220),
)
def test_lines_are_never_wider_than_the_screen(spans: list[Span], columns: int) -> None:
    for line in shown(*spans, columns=columns)[3:]:
        if not line.startswith(("critical", "gap", "!", " ", "trace")):
            assert cell_len(line) <= columns


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_any_times_are_drawn(start: int, end: int) -> None:
    assert shown(span(1, start_ns=start, end_ns=end), span(2, 1))


@pytest.mark.parametrize(
    ("nanoseconds", "found"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1500, "1.50 µs"),
        (45_168_000, "45.2 ms"),
        (999_999_999, "1.00 s"),
        (12_340_000_000, "12.3 s"),
        (59_990_000_000, "60.0 s"),
        (125_000_000_000, "2 min 5 s"),
        (7_260_000_000_000, "2 h 1 min"),
        (-1_500_000, "-1.50 ms"),
    ],
)
def test_durations_have_three_digits_that_count(nanoseconds: int, found: str) -> None:
    assert words.duration(nanoseconds) == found
