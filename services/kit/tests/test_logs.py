"""Records as lines of JSON."""

import json
import logging
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from optimus_kit.logs import JsonLines
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import Unrecorded, use_span

HERE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=False)


def line_of(message: str, *values: object, failed: bool = False) -> dict[str, Any]:
    """What is written of a record, which is one line."""
    error = sys.exc_info() if failed else None
    record = logging.LogRecord("ai_engine.chat", logging.WARNING, __file__, 1, message, values, error)
    line = JsonLines("ai-engine").format(record)
    assert "\n" not in line
    document: dict[str, Any] = json.loads(line)
    return document


def test_a_record_says_when_where_and_what() -> None:
    line = line_of("recall failed: %s", "ConnectError")
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "service": "ai-engine",
        "logger": "ai_engine.chat",
        "message": "recall failed: ConnectError",
    }


def test_within_a_request_it_names_the_trace_sampled_or_not() -> None:
    with use_span(Unrecorded(HERE)):
        line = line_of("here")
    assert (line["trace_id"], line["span_id"]) == (HERE.trace_id, HERE.span_id)
    assert "trace_id" not in line_of("outside")


def test_an_exception_stays_in_its_line() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        line = line_of("failed", failed=True)
    assert line["exception"].endswith("ValueError: broken\nin two")


@given(st.text(st.characters()))
def test_whatever_is_logged_is_one_line(message: str) -> None:
    line = line_of("%s", message)
    assert line["message"] == message.encode("utf-8", "replace").decode()
