"""The smoke test of traces on a platform in this process: what it proves, and how it tells each fault."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.clock import FakeClock
from tests.unit.traces.fake_platform import CLIENT, ORDER, PROBES, FakePlatform, pair, running
from tests.unit.traces.smoke_run import failed, found, smoke, told

from optimus_ops.http.client import HttpClient
from optimus_ops.traces.model import make_trace
from optimus_ops.traces.smoke import report
from optimus_ops.traces.smoke.diagnosis import diagnose
from optimus_ops.traces.smoke.exchange import MOST_BYTES, Sender
from optimus_ops.traces.smoke.execute import SmokeTest
from optimus_ops.traces.smoke.probe import ProbeSet
from optimus_ops.traces.smoke.verify import verify


def test_requests_that_are_traced_whole_pass() -> None:
    platform = FakePlatform()
    result = smoke(platform)
    assert not result.failed
    assert told(result) == ""
    assert found(result, "spans").startswith("all 4 required among 5 of 3 services, readable by id after")
    assert found(result, "search", "stores").startswith("all 2 found")
    order, refused = result.probes
    assert order.evidence.ids.trace_id != refused.evidence.ids.trace_id


def test_each_request_asks_for_all_spans_under_an_id_of_its_own() -> None:
    platform = FakePlatform()
    smoke(platform)
    parents = [headers["traceparent"] for path, headers in platform.requests if path != "/v1/traces"]
    assert len(set(parents)) == 2
    assert all(parent.startswith("00-") and parent.endswith("-01") for parent in parents)


def test_the_clients_span_is_the_only_root() -> None:
    platform = FakePlatform()
    result = smoke(platform)
    for probe in result.probes:
        trace = probe.evidence.lookup.trace
        assert trace is not None
        assert [(span.service, span.kind) for span in trace.roots] == [("trace-smoke-test", "client")]


def test_a_trace_that_comes_bit_by_bit_is_waited_for() -> None:
    platform = FakePlatform(ready_after=3)
    result = smoke(platform)
    assert not result.failed
    assert min(platform.looks[probe.evidence.ids.trace_id] for probe in result.probes) > 3


def test_an_error_that_was_provoked_has_to_be_marked() -> None:
    def unmark(span: dict[str, Any]) -> None:
        span["status"] = {}

    result = smoke(FakePlatform(change=unmark))
    assert failed(result) == {("refused order", "status")}
    assert found(result, "status", "refused order") == "web check is not marked as failed"


def test_a_span_that_failed_without_cause_is_told() -> None:
    def mark(span: dict[str, Any]) -> None:
        if span["name"] == "publish orders":
            span["status"] = {"code": 2, "message": "full"}

    assert found(smoke(FakePlatform(change=mark)), "status") == "web publish orders is marked as failed: full"


def test_a_span_of_another_kind_is_told() -> None:
    def change(span: dict[str, Any]) -> None:
        if span["name"] == "process orders":
            span["kind"] = CLIENT

    result = smoke(FakePlatform(change=change))
    assert failed(result) == {("order", "kinds")}
    assert found(result, "kinds") == "worker process orders is client, consumer wanted"


def test_attributes_that_lack_or_differ_are_told() -> None:
    def strip(span: dict[str, Any]) -> None:
        if span["name"] == "process orders":
            span["attributes"] = []
        if span["name"] == "POST /orders":
            span["attributes"] = [pair("shop.customer", "berta"), pair("http.response.status_code", 200)]

    text = found(smoke(FakePlatform(change=strip)), "attributes")
    assert "web POST /orders: shop.customer is 'berta', 'anna' wanted" in text
    assert "worker process orders has no shop.customer" in text


def test_nothing_is_right_about_spans_that_are_not_there() -> None:
    none_there = smoke(FakePlatform(lost={"web", "worker"}))
    of_order = {check.name for check in none_there.checks if check.subject == "order"}
    assert not of_order & {"attributes", "status", "kinds", "resource"}
    assert found(smoke(FakePlatform(lost={"worker"})), "attributes") == "all 2 are there"


@pytest.mark.parametrize(
    ("platform", "hop", "cause"),
    [
        (FakePlatform(lost={"web", "worker"}), "web POST /orders", "nothing exported"),
        (FakePlatform(lost={"web", "worker"}, quiet={"web"}), "web POST /orders", "hop not reached"),
        (FakePlatform(lost={"worker"}), "worker process orders", "nothing exported"),
        (FakePlatform(lost={"worker"}, quiet={"worker"}), "worker process orders", "queue message without context"),
        (FakePlatform(lost={"web publish orders"}), "web publish orders", "span not made"),
        (FakePlatform(lost={"worker INSERT orders"}), "worker INSERT*", "span not made"),
        (FakePlatform(astray={"worker"}), "worker process orders", "queue message without context"),
        (FakePlatform(astray={"web"}), "web POST /orders", "context lost"),
        (FakePlatform(rootless={"worker"}), "worker process orders", "context lost"),
        (FakePlatform(rootless={"web"}), "web POST /orders", "context lost"),
        (FakePlatform(status=503), "web", "the request failed"),
        (FakePlatform(takes=503, lost={"web", "worker"}), "web POST /orders", "collector unreachable"),
        (FakePlatform(takes=503), "", "collector unreachable"),
        (FakePlatform(takes=503, lost={"worker"}), "worker process orders", "collector unreachable"),
    ],
)
def test_the_first_hop_that_is_missing_is_named_with_its_cause(platform: FakePlatform, hop: str, cause: str) -> None:
    result = smoke(platform)
    assert told(result) == f"{hop}: {cause}"
    error = report.failure(result)
    assert error.exit_code == 1
    assert cause in error.message


def test_services_without_a_context_are_found_by_the_requests_id() -> None:
    platform = FakePlatform(astray={"worker"})
    result = smoke(platform)
    [other] = [
        trace_id
        for trace_id, held in platform.traces.items()
        if trace_id not in {probe.evidence.ids.trace_id for probe in result.probes} and held
    ]
    assert other in str(result.probes[0].diagnosis)


@pytest.mark.parametrize(
    ("ids", "text"),
    [((), "is missing"), (("1" * 32,), "is 1111"), (("1" * 32, "2" * 32), "is 1111")],
)
def test_a_header_that_does_not_say_the_trace_is_told(ids: tuple[str, ...], text: str) -> None:
    result = smoke(FakePlatform(trace_ids=ids))
    assert ("order", "X-Trace-Id") in failed(result)
    assert found(result, "X-Trace-Id").startswith(text)


def test_a_balancer_that_logs_no_line_of_the_trace_is_told() -> None:
    result = smoke(FakePlatform(quiet={"nginx-lb"}))
    assert failed(result) == {("order", "logs")}
    assert found(result, "logs") == "no line of nginx-lb has the trace's id"


def test_logs_are_not_asked_for_where_no_store_of_them_is_given() -> None:
    result = smoke(FakePlatform(quiet={"nginx-lb"}), loki="")
    assert not result.failed
    assert found(result, "logs").startswith("not asked")


def test_a_request_of_which_no_service_has_to_log_a_line_may_have_none() -> None:
    result = smoke(FakePlatform(quiet={"nginx-lb", "web", "worker"}), ProbeSet((replace(ORDER, logs=()),)))
    assert not result.failed
    assert found(result, "logs") == "0 lines, and none is required"


def test_clocks_that_differ_fail_nothing() -> None:
    def skew(span: dict[str, Any]) -> None:
        if span["name"] == "process orders":
            span.update(startTimeUnixNano="1", endTimeUnixNano="2")

    assert not smoke(FakePlatform(change=skew)).failed


def test_a_trace_of_ten_thousand_spans_is_verified() -> None:
    evidence = smoke(FakePlatform(more=20), ProbeSet((ORDER,))).probes[0].evidence
    trace = evidence.lookup.trace
    assert trace is not None
    last = trace.spans[-1]
    chain = [
        replace(last, span_id=f"{n + 1:016x}", parent_id=f"{n:016x}" if n else last.span_id) for n in range(10_000)
    ]
    large = replace(evidence, lookup=replace(evidence.lookup, trace=make_trace(trace.trace_id, [*trace.spans, *chain])))
    assert diagnose(large) is None
    [spans] = [check for check in verify(large, None) if check.name == "spans"]
    assert "among 10025 of 3 services" in spans.found


@pytest.mark.parametrize("silent", [False, True], ids=["while it looks for a trace", "while no answer comes"])
def test_ctrl_c_ends_it_at_once_and_as_an_interruption(silent: bool) -> None:
    go_on = threading.Event()
    platform = FakePlatform(lost={"worker"}, silent=go_on if silent else None)

    def interrupt() -> None:
        while not (platform.requests if silent else platform.looks):
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def by_hand(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, by_hand)
    try:
        with running(platform):
            thread = threading.Thread(target=interrupt)
            thread.start()
            # An hour is what it would wait otherwise.
            with pytest.raises(KeyboardInterrupt):
                SmokeTest(
                    platform.places(), PROBES, 3600.0, 3600.0, sender=Sender(HttpClient(3600.0, MOST_BYTES))
                ).run()
            go_on.set()
            thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_collector_that_speaks_no_tls_is_told() -> None:
    platform = FakePlatform()
    with running(platform):
        places = platform.places(otlp=f"https://127.0.0.1:{platform.port}")
        result = SmokeTest(places, PROBES, 1.0, clock=FakeClock()).run()
    assert told(result) == ": collector unreachable"
    assert "does not speak TLS" in str(result.probes[0].diagnosis)
