"""Clients of Tempo, against what a real one answered, and against what none should answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests.unit.traces.spans import TRACE
from tests.unit.traces.store_server import (
    IDS,
    PAGE,
    PROTOBUF,
    Reply,
    cut_short,
    endless,
    half_a_head,
    no_http,
    old_tempo,
    recorded,
    reply,
    reset,
    serving,
    tempo,
    trickle,
)

from optimus_ops.traces.connect import connect_traces
from optimus_ops.traces.model import Trace
from optimus_ops.traces.store import PartialTrace, StoreFailed
from optimus_ops.traces.store_address import parse_address
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.tempo import TempoStore, trace_query

BY_ID = f"/api/v2/traces/{TRACE}"
BY_ID_V1 = f"/api/traces/{TRACE}"


def shape(trace: Trace | None) -> list[tuple[str, str, str, str]]:
    assert trace is not None
    return [(span.service, span.name, span.kind, span.parent_id) for span in trace.spans]


def test_a_tempo_with_the_newer_api_is_asked_by_it() -> None:
    with serving(tempo()) as server:
        store = connect_traces(server.client())
        trace = store.trace(IDS["trace_id"])
    assert isinstance(store, TempoStore)
    assert (store.version, store.name, store.client.address.port) == ("v2", "Tempo", server.port)
    assert trace is not None
    assert trace.services[:2] == ("smoke", "backend-orchestrator")
    assert [span.name for span in trace.roots] == ["trace-smoke-test"]
    assert not trace.orphans


def test_an_older_tempo_gives_the_same_spans_as_protobuf() -> None:
    with serving(tempo()) as new, serving(old_tempo()) as old:
        store = connect_traces(old.client())
        assert isinstance(store, TempoStore)
        assert store.version == "v1"
        assert store.trace(IDS["trace_id"]) == connect_traces(new.client()).trace(IDS["trace_id"])
        assert old.asked[-1][1]["accept"] == "application/protobuf"


def test_an_older_tempo_that_answers_json_gives_the_same_spans() -> None:
    with serving({**old_tempo(), f"/api/traces/{IDS['trace_id']}": recorded("v1-by-id")}) as server:
        asked = connect_traces(server.client()).trace(IDS["trace_id"])
    with serving(old_tempo()) as server:
        assert asked == connect_traces(server.client()).trace(IDS["trace_id"])


def test_attributes_kinds_and_times_come_as_they_were_sent() -> None:
    with serving(tempo()) as server:
        trace = connect_traces(server.client()).trace(IDS["trace_id"])
    assert trace is not None
    server_span = next(span for span in trace.spans if span.name == "POST /webhooks/whatsapp")
    assert (server_span.kind, server_span.start_ns) == ("server", 1795846304152356042)
    assert server_span.attributes["http.response.status_code"] == 200
    assert server_span.attributes["optimus.tenant"] == "acme"
    assert server_span.resource["service.instance.id"] == "optimus-backend-orchestrator-1"
    lists = [span.attributes["list"] for span in trace.spans if "list" in span.attributes]
    assert lists == [["a", "b"]]


def test_an_error_has_its_message_and_exception() -> None:
    with serving(tempo()) as server:
        trace = connect_traces(server.client()).trace(IDS["error_trace_id"])
    assert trace is not None
    failed = [span for span in trace.spans if span.failed]
    assert {span.status_message for span in failed} == {"provider failed"}
    assert any(event.attributes.get("exception.type") == "RuntimeError" for span in failed for event in span.events)


@pytest.mark.parametrize("replies", [tempo, old_tempo])
def test_an_absent_trace_is_none(replies: Callable[[], dict[str, Reply]]) -> None:
    with serving(replies()) as server:
        assert connect_traces(server.client()).trace("6fed70ac9cb4faf3a7d18a8d4ccbc443") is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply({"trace": {}, "status": "PARTIAL", "message": "trace too large"}), "a part of the trace"),
        (reply({"trace": {}, "status": 1}), "a part of the trace"),
        (reply("what?", 500), '500 Internal Server Error ("what?")'),
        (Reply(503, "text/plain", b""), "503"),
        (Reply(429, "text/plain", b"too many\nsecond line"), "429 Too Many Requests (too many)"),
        (Reply(401, "text/plain", b"no org id"), "refuses: 401 Unauthorized (no org id)"),
        (Reply(302, headers={"Location": "http://u:p@elsewhere.example/api?key=1"}), "http://elsewhere.example/api"),
        (Reply(307, headers={}), "redirects to nowhere"),
        (PAGE, "a web page"),
        (reply([1]), "is not a trace"),
        (reply(None), "is not a trace"),
        (Reply(content=b"{"), "is not a trace"),
        (Reply(content=b"[" * 100_000), "is not a trace"),
        (Reply(content=b"\xff\xfe\x00"), "is not a trace"),
        (reply({"trace": {"resourceSpans": 7}}), "is not a trace"),
        (reply({"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": {}}]}]}]}}), "is not a trace"),
        (reply({"trace": {"resourceSpans": [None]}}), "is not a trace"),
        (reply({"trace": "text"}), "is not a trace"),
        (Reply(act=reset), "the connection was closed"),
        (Reply(act=no_http), "is not HTTP"),
        (Reply(act=cut_short(b"{" * 100)), "ended early"),
        (Reply(act=half_a_head), "ended early"),
    ],
)
def test_an_answer_that_is_none_is_told_in_one_sentence(answer: Reply, words: str) -> None:
    with serving({**tempo(), BY_ID: answer}) as server:
        store = connect_traces(server.client())
        with pytest.raises(StoreFailed) as failure:
            store.trace(TRACE)
    assert words in failure.value.message
    assert "u:p" not in str(failure.value)
    assert "\n" not in failure.value.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Reply(404, "text/html", b"<html>no such page</html>"), "a web page"),
        (Reply(200, PROTOBUF, b"\x07garbage"), "is not a trace (protobuf of OTLP)"),
        (Reply(200, "text/plain", b"all is well"), "is not a trace (protobuf of OTLP)"),
        (Reply(200, "application/json; charset=utf-8", b"null"), "is not a trace"),
        (Reply(500, PROTOBUF, b""), "500"),
        (Reply(200, PROTOBUF, recorded("v1-by-id-protobuf").content[:-9]), "or only a part of it"),
    ],
)
def test_the_older_api_is_read_with_the_same_care(answer: Reply, words: str) -> None:
    with serving({**old_tempo(), BY_ID_V1: answer}) as server:
        store = connect_traces(server.client())
        with pytest.raises(StoreFailed, match="answers") as failure:
            store.trace(TRACE)
    assert words in failure.value.message


@pytest.mark.parametrize("answer", [reply({}), reply({"trace": {}}), reply({"trace": {"resourceSpans": []}})])
def test_an_empty_answer_is_no_trace(answer: Reply) -> None:
    with serving({**tempo(), BY_ID: answer}) as server:
        assert connect_traces(server.client()).trace(TRACE) is None


def test_spans_of_other_traces_alone_are_an_error() -> None:
    with serving({**tempo(), BY_ID: recorded("v2-by-id")}) as server, pytest.raises(StoreFailed, match="other traces"):
        connect_traces(server.client()).trace(TRACE)


def test_a_part_of_a_trace_has_an_error_of_its_own() -> None:
    document = json.loads(recorded("v2-by-id").content)
    answer = reply({**document, "status": "PARTIAL"})
    with (
        serving({**tempo(), f"/api/v2/traces/{IDS['trace_id']}": answer}) as server,
        pytest.raises(PartialTrace, match="8 spans"),
    ):
        connect_traces(server.client()).trace(IDS["trace_id"])


def test_an_answer_that_trickles_or_never_ends_is_given_up() -> None:
    with serving({**tempo(), BY_ID: Reply(act=trickle), BY_ID_V1: Reply(act=endless)}) as server:
        with pytest.raises(StoreFailed, match=r"nothing whole within 0.5 s"):
            server.client(seconds=0.5).get(BY_ID)
        with pytest.raises(StoreFailed, match="more than 1 MB"):
            server.client(most_bytes=1024**2).get(BY_ID_V1)


def test_a_store_that_speaks_no_tls_is_told_without_words_of_a_library() -> None:
    with serving({"/*": reply("echo")}) as server:
        address = parse_address(f"https://{server.host}:{server.port}", "--tempo", {})
        with pytest.raises(StoreFailed, match="does not speak TLS, or its certificate is not trusted"):
            StoreClient(address, 5.0).get("/api/echo")


def test_nobody_at_the_address_is_told() -> None:
    with serving({}) as server:
        client = server.client()
    with pytest.raises(StoreFailed, match="does not answer: connection refused"):
        connect_traces(client)
    assert not TempoStore(client).ready()


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"/*": PAGE}, "a web page"),
        ({}, "404 Not Found"),
        ({"/*": reply({"status": "ok"})}, "answers 200 OK"),
    ],
)
def test_another_server_is_no_store(replies: dict[str, Reply], words: str) -> None:
    with serving(replies) as server, pytest.raises(StoreFailed) as failure:
        connect_traces(server.client())
    assert words in failure.value.message


def test_ten_thousand_spans_come_whole() -> None:
    data = TracesData()
    spans = data.resource_spans.add().scope_spans.add().spans
    for number in range(1, 10_001):
        span = spans.add(trace_id=bytes.fromhex(TRACE), span_id=number.to_bytes(8), name="x")
        span.parent_span_id = (number // 2).to_bytes(8)
    with serving({**old_tempo(), BY_ID_V1: Reply(200, PROTOBUF, data.SerializeToString())}) as server:
        trace = connect_traces(server.client()).trace(TRACE)
    assert trace is not None
    assert (len(trace.spans), len(trace.roots), len(trace.orphans)) == (10_000, 1, 0)


def test_a_search_gives_ids_newest_first() -> None:
    traces = [{"traceID": "ab", "startTimeUnixNano": "5"}, {"traceID": "c" * 32, "startTimeUnixNano": "17"}, {}]
    with serving({**tempo(), "/api/search": reply({"traces": traces})}) as server:
        found = connect_traces(server.client()).search({"service.name": 'a"b', "name": "x y"}, 1.5, 2.5)
        asked = server.asked[-1][0]
    assert found == ("c" * 32, "ab".zfill(32))
    assert asked.endswith("&start=1&end=3")


@pytest.mark.parametrize(
    ("answer", "found"),
    [("search-found", (IDS["trace_id"],)), ("search-by-id", (IDS["trace_id"],)), ("search-right-after", ())],
)
def test_recorded_searches_are_read(answer: str, found: tuple[str, ...]) -> None:
    with serving({**tempo(), "/api/search": recorded(answer)}) as server:
        assert connect_traces(server.client()).search({}, 0, 1) == found


def test_a_refused_search_tells_why() -> None:
    with serving({**tempo(), "/api/search": recorded("search-bad-range")}) as server:
        store = connect_traces(server.client())
        with pytest.raises(StoreFailed, match="start must be before end"):
            store.search({}, 5, 1)


def test_attributes_are_written_as_traceql() -> None:
    assert trace_query({}) == "{}"
    asked = {"service.name": 'a"b\\', "name": "GET /", "odd key": "ä"}
    assert trace_query(asked) == '{.service.name="a\\"b\\\\" && name="GET /" && ."odd key"="ä"}'
