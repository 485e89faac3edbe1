"""The client of Loki: lines with the trace id in their text, and beside it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.unit.traces.spans import TRACE
from tests.unit.traces.store_server import NOT_FOUND, PAGE, Reply, reply, serving

from optimus_ops.traces.connect import connect_logs
from optimus_ops.traces.store import StoreFailed


def streams(*values: list[Any], service: str = "ai-engine") -> Reply:
    result = [{"stream": {"service_name": service}, "values": list(values)}]
    return reply({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}})


def loki(**more: Reply) -> dict[str, Reply]:
    return {
        "/ready": Reply(200, "text/plain; charset=utf-8", b"ready\n"),
        "/loki/api/v1/labels": reply({"status": "success", "data": ["service_name"]}),
        "/loki/api/v1/status/buildinfo": reply({"version": "3.7.6", "revision": "x", "goVersion": "go1.26"}),
        "/loki/api/v1/query_range": streams(["20", "later"], ["10", "earlier"], ["20", "later", {"trace_id": TRACE}]),
        **{f"/loki/api/v1/{name}": found for name, found in more.items()},
    }


def test_lines_come_once_in_the_order_of_time() -> None:
    with serving(loki()) as server:
        store = connect_logs(server.client())
        assert store.ready()
        found = store.lines(TRACE, 0, 1)
        queries = [parse_qs(urlsplit(path).query)["query"][0] for path, _ in server.asked if "query_range" in path]
    assert store.name == "Loki 3.7.6"
    assert [(line.time_ns, line.service, line.text) for line in found] == [
        (10, "ai-engine", "earlier"),
        (20, "ai-engine", "later"),
    ]
    assert queries == [f'{{service_name=~".+"}} |= "{TRACE}"', f'{{service_name=~".+"}} | trace_id="{TRACE}"']


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Reply(400, "text/plain", b"parse error at line 1"), "400 Bad Request (parse error at line 1)"),
        (Reply(500), "500"),
        (PAGE, "a web page"),
        (reply({"status": "success"}), "not lines of logs"),
        (reply({"data": {"resultType": "matrix", "result": []}}), "not lines of logs"),
        (reply({"data": {"resultType": "streams", "result": [{"stream": {}, "values": [["x", "y"]]}]}}), "not lines"),
        (reply({"data": {"resultType": "streams", "result": [{"stream": {}, "values": [["1"]]}]}}), "not lines"),
        (reply([]), "not lines of logs"),
        (Reply(content=b"{"), "not lines of logs"),
    ],
)
def test_an_answer_that_is_none_is_told(answer: Reply, words: str) -> None:
    with serving(loki(query_range=answer)) as server:
        store = connect_logs(server.client())
        with pytest.raises(StoreFailed) as failure:
            store.lines(TRACE, 0, 1)
    assert words in failure.value.message


@pytest.mark.parametrize("labels", [NOT_FOUND, PAGE, reply({"status": "error"}), reply([]), Reply(content=b"{")])
def test_another_server_is_no_store(labels: Reply) -> None:
    with serving({**loki(), "/loki/api/v1/labels": labels}) as server, pytest.raises(StoreFailed):
        connect_logs(server.client())


def test_a_store_that_went_away_is_not_ready() -> None:
    with serving(loki()) as server:
        store = connect_logs(server.client())
    assert not store.ready()
