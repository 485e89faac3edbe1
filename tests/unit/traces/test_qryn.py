"""The client of qryn, against what it answered, rewritten with our ids."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests.unit.traces.spans import TRACE
from tests.unit.traces.store_server import Reply, reply, serving

from optimus_ops.traces.connect import connect_logs, connect_traces
from optimus_ops.traces.qryn import MOST_SPANS, QrynStore
from optimus_ops.traces.store import StoreFailed

NOT_SUPPORTED = Reply(404, "text/plain; charset=utf-8", b"404 Not Supported")
OTHER = "f" * 32


def protobuf(count: int) -> Reply:
    data = TracesData()
    of_resource = data.resource_spans.add()
    of_resource.resource.attributes.add(key="collector").value.string_value = "qryn"
    of_resource.resource.attributes.add(key="service.name").value.string_value = "ai-engine"
    spans = of_resource.scope_spans.add().spans
    for number in range(1, count + 1):
        span = spans.add(trace_id=bytes.fromhex(TRACE), span_id=number.to_bytes(8), name="chat embedded")
        span.attributes.add(key="service.version").value.string_value = "1"
    return Reply(200, "application/x-protobuf", data.SerializeToString())


def hit(trace_id: str, start: int, name: str = "chat embedded") -> dict[str, object]:
    times = {"startTimeUnixNano": start, "durationMs": 1}
    return {"traceID": trace_id.upper(), "rootServiceName": "ai-engine", "rootTraceName": name, **times}


def qryn(by_id: Reply | None = None) -> dict[str, Reply]:
    return {
        "/*": NOT_SUPPORTED,
        "/api/echo": Reply(200, "text/plain; charset=utf-8", b"echo"),
        "/ready": reply({"capabilities": {"LIVE_mode": "callback-polling"}}),
        "/api/traces/*": Reply(404, "text/plain; charset=utf-8", b"Not found"),
        "/api/search/tag/service.name/values": reply({"tagValues": ["ai-engine", "memory-engine"]}),
        "/api/search": reply({"traces": [hit(OTHER, 5), hit(TRACE, 9), hit(TRACE, 8)]}),
        "/loki/api/v1/labels": reply({"status": "success", "data": ["service_name"]}),
        **({f"/api/traces/{TRACE}": by_id} if by_id else {}),
    }


def test_it_is_known_by_its_answers_and_its_protobuf_is_read() -> None:
    with serving(qryn(by_id=protobuf(3))) as server:
        store = connect_traces(server.client())
        trace = store.trace(TRACE)
    assert isinstance(store, QrynStore)
    assert store.name == "qryn"
    assert trace is not None
    assert [(span.service, span.name, span.kind) for span in trace.spans[:1]] == [
        ("ai-engine", "chat embedded", "unspecified")
    ]
    assert trace.spans[0].attributes["service.version"] == "1"
    assert not trace.cut


def test_it_is_known_while_its_database_does_not_answer() -> None:
    with serving({**qryn(), "/ready": reply({"message": "Clickhouse DB not ready"}, 500)}) as server:
        traces, logs = connect_traces(server.client()), connect_logs(server.client())
        assert (traces.name, traces.ready()) == (logs.name, logs.ready()) == ("qryn", False)


def test_an_absent_trace_is_none() -> None:
    with serving(qryn()) as server:
        assert connect_traces(server.client()).trace(TRACE) is None


def test_a_trace_of_as_many_spans_as_it_gives_may_have_more() -> None:
    with serving(qryn(by_id=protobuf(MOST_SPANS))) as server:
        trace = connect_traces(server.client()).trace(TRACE)
    assert trace is not None
    assert trace.cut


def test_tags_are_searched_and_traces_counted_once() -> None:
    with serving(qryn()) as server:
        found = connect_traces(server.client()).search({"service.name": "ai-engine", "name": "GET /x"}, 10.5, 20, 2)
        asked = parse_qs(urlsplit(server.asked[-1][0]).query)
    assert found == (TRACE, OTHER)
    assert asked == {
        "tags": ['service.name="ai-engine" name="GET /x"'],
        "limit": ["50"],
        "start": ["10"],
        "end": ["21"],
    }


def test_any_trace_is_searched_service_by_service() -> None:
    with serving(qryn()) as server:
        assert connect_traces(server.client()).search({}, 0, 1) == (TRACE, OTHER)
        tags = [parse_qs(urlsplit(path).query)["tags"][0] for path, _headers in server.asked[-2:]]
    assert tags == ['service.name="ai-engine"', 'service.name="memory-engine"']


@pytest.mark.parametrize("content", [b'{"tags": 1}', b'{"tagValues": 1}', b"", b"[" * 100_000])
def test_no_list_of_services_is_told(content: bytes) -> None:
    answer = Reply(200, "application/json", content)
    with serving({**qryn(), "/api/search/tag/service.name/values": answer}) as server:
        store = connect_traces(server.client())
        with pytest.raises(StoreFailed, match="not a list of services"):
            store.search({}, 0, 1)


def test_its_logs_are_found_by_text_alone_with_times_as_numbers() -> None:
    line = f'{{"msg":"hi","trace_id":"{TRACE}"}}'
    streams = [{"stream": {"project": "x", "service_name": "ai-engine"}, "values": [[1795931525123456800, line]]}]
    answer = reply({"status": "success", "data": {"resultType": "streams", "result": streams}})
    with serving({**qryn(), "/loki/api/v1/query_range": answer}) as server:
        store = connect_logs(server.client())
        (found,) = store.lines(TRACE, 1, 2)
        queries = [parse_qs(urlsplit(path).query) for path, _headers in server.asked if "query_range" in path]
    assert (store.name, found.time_ns, found.service, found.text) == ("qryn", 1795931525123456800, "ai-engine", line)
    assert [query["query"] for query in queries] == [[f'{{service_name=~".+"}} |= "{TRACE}"']]
    assert (queries[0]["start"], queries[0]["end"]) == (["1000000000"], ["2000000000"])
