"""Lines of act's output."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.ci.act_events import (
    ActEvent,
    Annotation,
    JobEnded,
    Message,
    OutputLine,
    Source,
    StepEnded,
    StepStarted,
    StepSummary,
    parse_event,
)
from optimus_ops.reports.model import Finding
from optimus_ops.reports.place import Place

JOB = {"job": "CI/T b-2", "jobID": "t", "matrix": {"x": "b"}, "level": "info"}
SOURCE = Source("CI/T b-2", "t", {"x": "b"}, ("2",))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            {"msg": "⭐ Run Main make", "stage": "Main", "step": "make", "stepID": ["2"]},
            StepStarted(SOURCE, "make", "Main"),
        ),
        (
            {
                "msg": "❌",
                "stage": "Main",
                "step": "make",
                "stepID": ["2"],
                "stepResult": "failure",
                "executionTime": 15e8,
            },
            StepEnded(SOURCE, "make", "Main", "failure", 1.5),
        ),
        ({"msg": "🏁  Job failed", "jobResult": "failure"}, JobEnded(Source("CI/T b-2", "t", {"x": "b"}), "failure")),
        ({"msg": "hello\n", "raw_output": True, "stage": "Main", "stepID": ["2"]}, OutputLine(SOURCE, "hello")),
        (
            {"arg": "bad", "command": "error", "kvPairs": {"file": "a.py", "line": "3"}, "msg": "x", "stepID": ["2"]},
            Annotation(SOURCE, Finding("annotation", "error", "bad", Place("a.py", 3))),
        ),
        (
            {"arg": "slow", "command": "notice", "kvPairs": {"title": "time"}, "msg": "x", "stepID": ["2"]},
            Annotation(SOURCE, Finding("time", "note", "slow")),
        ),
        ({"command": "summary", "content": "## a\n", "msg": "x", "stepID": ["2"]}, StepSummary(SOURCE, "## a\n")),
    ],
)
def test_lines_of_a_job(line: dict[str, Any], event: ActEvent) -> None:
    assert parse_event(json.dumps({**JOB, **line})) == event


def test_lines_of_act_itself() -> None:
    assert parse_event('{"level":"info","msg":"Start server"}') == Message("Start server", "info")
    assert parse_event("Error: workflow is not valid\n") == Message("Error: workflow is not valid", "error")


@given(
    st.text() | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5).map(json.dumps)
)
def test_any_line_is_some_event(line: str) -> None:
    parse_event(line)
