"""Ids as people paste them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.traces.spans import TRACE

from optimus_ops.errors import Refused
from optimus_ops.traces.ids import parse_trace_id


@pytest.mark.parametrize(
    "text",
    [
        TRACE,
        TRACE.upper(),
        f" {TRACE}\n",
        f"'{TRACE}'",
        f"00-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-00",
        f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later",
        f"X-Trace-Id: {TRACE}",
        f"x-trace-id:{TRACE}",
        f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01",
        f'traceparent="00-{TRACE}-00f067aa0ba902b7-01',
    ],
)
def test_an_id_is_found_in_what_was_pasted(text: str) -> None:
    assert parse_trace_id(text) == TRACE


def test_a_short_id_gets_zeros_before() -> None:
    assert parse_trace_id("00f067aa0ba902b7") == "0" * 16 + "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothex",
        TRACE[:-1],
        TRACE * 2,
        "0" * 32,
        "0" * 16,
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}",
        f"{TRACE}\x1b[2J",
        "../../etc/passwd",
        "٣" * 32,
        "x" * 5000,
    ],
)
def test_what_is_no_id_is_refused_in_a_few_words(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_trace_id(text)
    assert len(refusal.value.message) < 200
    assert "\x1b" not in refusal.value.message


@given(st.text())
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        found = parse_trace_id(text)
    except Refused:
        return
    assert len(found) == 32
    assert int(found, 16)
