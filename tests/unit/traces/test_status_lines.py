"""What `invoke status` says of the overlay."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.stacks import replica, state
from tests.unit.traces.store_server import Reply, reply, serving, tempo

from optimus_ops.checks.model import StatusLine
from optimus_ops.traces.status_lines import status_lines

LOKI = {
    "/ready": Reply(200, "text/plain", b"ready"),
    "/loki/api/v1/labels": reply({"status": "success"}),
    "/loki/api/v1/status/buildinfo": reply({"version": "3.7.6"}),
}


def count(value: Any) -> dict[str, Reply]:
    return {"/api/v1/query": reply({"status": "success", "data": {"result": [{"value": [1, value]}]}})}


def lines(traces: dict[str, Reply], prometheus: dict[str, Reply]) -> list[StatusLine]:
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(serving(replies, port=port))
            for name, port, replies in (("tempo", 3200, traces), ("loki", 3100, LOKI), ("prometheus", 9090, prometheus))
        }
        replicas = [replica(name, addresses={"shop": server.host}) for name, server in servers.items()]
        found = status_lines(cast("Any", SimpleNamespace(state=state(replica("web"), *replicas))))
        return [StatusLine(line.subject, line.text.partition(", at ")[0], line.warning) for line in found]


def test_stores_that_are_ready_have_a_line_each() -> None:
    assert lines(tempo(), count("0")) == [
        StatusLine("traces", "Tempo is ready"),
        StatusLine("logs", "Loki 3.7.6 is ready"),
    ]


def test_dropped_spans_are_a_warning() -> None:
    (line,) = [line for line in lines(tempo(), count("1234.4")) if line.warning]
    assert line.text.startswith("1234 spans dropped by services within 15 minutes")


@pytest.mark.parametrize("ready", [Reply(503, "text/plain", b"starting"), Reply(404)])
def test_a_store_that_is_not_ready_is_a_warning(ready: Reply) -> None:
    found = lines({**tempo(), "/ready": ready}, count("NaN"))
    assert found[0].warning
    assert "is not ready" in found[0].text


@pytest.mark.parametrize("prometheus", [{}, {"/api/v1/query": Reply(500)}, count(None), count([]), count("x")])
def test_a_store_that_answers_something_else_is_a_warning(prometheus: dict[str, Reply]) -> None:
    assert [line.warning for line in lines({}, prometheus)] == [True, False, True]


def test_no_metrics_are_no_news() -> None:
    none = {"/api/v1/query": reply({"data": {"result": []}})}
    assert not any(line.warning for line in lines(tempo(), none))


def test_a_stack_without_the_overlay_has_no_lines() -> None:
    assert not list(status_lines(cast("Any", SimpleNamespace(state=state(replica("web"))))))
