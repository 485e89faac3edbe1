"""The smoke test of traces on a platform in this process: what it proves, and how it tells each fault."""

from __future__ import annotations

import json
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.clock import FakeClock
from tests.unit.traces.fake_platform import ORDER, PROBES, FakePlatform, pair, running

from optimus_ops.errors import OpsError, Refused
from optimus_ops.traces.model import make_trace
from optimus_ops.traces.smoke import report
from optimus_ops.traces.smoke.diagnosis import diagnose
from optimus_ops.traces.smoke.exchange import Sender
from optimus_ops.traces.smoke.execute import SmokeTest
from optimus_ops.traces.smoke.places import PlaceFlags, find_places
from optimus_ops.traces.smoke.probe import ProbeSet
from optimus_ops.traces.smoke.result import SmokeResult
from optimus_ops.traces.smoke.verify import verify


def smoke(platform: FakePlatform, probes: ProbeSet = PROBES, search: float | None = None, **flags: Any) -> SmokeResult:
    """Run the test on a platform; waiting takes no time."""
    with running(platform):
        return SmokeTest(platform.places(**flags), probes, 3.0, search, clock=FakeClock()).run()


def failed(result: SmokeResult) -> set[tuple[str, str]]:
    return {(check.subject, check.name) for check in result.failed}


def told(result: SmokeResult, probe: str = "order") -> str:
    """Return hop and cause of a probe that is not whole."""
    [found] = [each.diagnosis for each in result.probes if each.evidence.probe.name == probe]
    return f"{found.hop}: {found.cause.value}" if found else ""


def found(result: SmokeResult, name: str, subject: str = "order") -> str:
    [check] = [check for check in result.checks if (check.subject, check.name) == (subject, name)]
    return check.found


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


def test_what_a_store_does_not_keep_is_said_and_not_asserted() -> None:
    result = smoke(FakePlatform(flat=True))
    assert not result.failed
    assert found(result, "kinds") == "not told by this store"
    assert found(result, "resource") == "more than service.name is not told by this store"


def test_a_resource_without_its_version_is_told_where_the_store_keeps_resources() -> None:
    result = smoke(FakePlatform(), replace(PROBES, resource=("service.version", "service.instance.id")))
    assert found(result, "resource") == "web has no service.instance.id; worker has no service.instance.id"


@pytest.mark.parametrize(
    ("answer", "cause", "text"),
    [
        ((500, {}, {}), "store unreachable", "500"),
        ((404, b"404 page not found", {}), "store unreachable", "404"),
        ((302, b"", {"Location": "https://login.example/"}), "store unreachable", "redirects to"),
        ((200, b"\x00garbage", {}), "store unreachable", "asked for"),
        ((200, b"<!DOCTYPE html><html></html>", {"Content-Type": "text/html"}), "store unreachable", "web page"),
        ((401, b"", {}), "store unreachable", "refuses"),
    ],
)
def test_a_store_that_answers_otherwise_is_told(
    answer: tuple[int, object, dict[str, str]], cause: str, text: str
) -> None:
    result = smoke(FakePlatform(answer=lambda _path: answer))
    assert told(result) == f": {cause}"
    assert text in str(result.probes[0].diagnosis)
    assert ("stores", "control") in failed(result)


def test_a_store_that_fails_only_by_id_is_told() -> None:
    def by_id(path: str) -> tuple[int, object, dict[str, str]] | None:
        return (500, {}, {}) if path.startswith("/api/v2/traces/") and not path.endswith("01") else None

    assert told(smoke(FakePlatform(answer=by_id))) == ": store unreachable"


def test_an_empty_store_is_told_though_the_collector_takes_spans() -> None:
    def empty(path: str) -> tuple[int, object, dict[str, str]] | None:
        return (200, {"trace": {}}, {}) if path.startswith("/api/v2/traces/") else None

    result = smoke(FakePlatform(answer=empty))
    assert told(result) == ": the store has no such trace"
    assert ("stores", "control") not in failed(result)


def test_a_part_of_a_trace_proves_nothing() -> None:
    platform = FakePlatform()

    def partial(path: str) -> tuple[int, object, dict[str, str]] | None:
        held = platform.traces.get(path.rpartition("/")[2])
        return (200, {"trace": {"resourceSpans": held}, "status": "PARTIAL"}, {}) if held else None

    platform.answer = partial
    result = smoke(platform)
    assert told(result) == ": partial trace"
    assert ("order", "spans") in failed(result)


def test_a_store_that_has_traces_of_any_id_proves_nothing() -> None:
    platform = FakePlatform()

    def any_id(path: str) -> tuple[int, object, dict[str, str]] | None:
        trace_id = path.rpartition("/")[2]
        if not path.startswith("/api/v2/traces/") or trace_id in platform.traces:
            return None
        span = {"traceId": trace_id, "spanId": "1" * 16, "name": "x"}
        return 200, {"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}}, {}

    platform.answer = any_id
    result = smoke(platform)
    assert failed(result) == {("stores", "control")}
    assert "the stores prove nothing" in report.failure(result).message


def test_a_trace_that_grows_at_each_look_is_not_whole() -> None:
    platform = FakePlatform()

    def growing(path: str) -> tuple[int, object, dict[str, str]] | None:
        held = platform.traces.get(path.rpartition("/")[2])
        if held and len(held) > 2:
            span = held[0]["scopeSpans"][0]["spans"][0]
            more = {**span, "spanId": f"{len(held):016x}", "name": "more"}
            held.append({**held[0], "scopeSpans": [{"spans": [more]}]})
        return None

    platform.answer = growing
    assert told(smoke(platform, ProbeSet((ORDER,)))) == ": still growing"


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


def test_search_that_finds_nothing_is_a_note_unless_it_is_asked_for() -> None:
    def blind(path: str) -> tuple[int, object, dict[str, str]] | None:
        return (200, {"traces": []}, {}) if path == "/api/search" else None

    noted = smoke(FakePlatform(answer=blind))
    assert not noted.failed
    assert found(noted, "search", "stores").startswith("0 of 2 found yet")
    assert failed(smoke(FakePlatform(answer=blind), search=1.0)) == {("stores", "search")}


def test_a_target_that_does_not_answer_is_told() -> None:
    result = smoke(FakePlatform(), target=("http://127.0.0.1:9",))
    assert told(result) == "web: the request failed"
    assert found(result, "answer") == "connection refused"


def test_only_services_with_an_address_are_asked() -> None:
    platform = FakePlatform()
    other = replace(ORDER, name="inside", service="stock", inside=True)
    result = smoke(platform, ProbeSet((ORDER, other)))
    assert (result.left_out, len(result.probes)) == (("inside",), 1)


def test_without_any_address_nothing_is_sent() -> None:
    platform = FakePlatform()
    with pytest.raises(Refused, match="no address for any request"):
        smoke(platform, target=("stock=http://127.0.0.1:9",))
    assert not platform.requests


@pytest.mark.parametrize(
    "flags", [{"tempo": "localhost"}, {"otlp": "ftp://x"}, {"loki": "http://x/?a=1"}, {"target": ("web=",)}]
)
def test_addresses_that_are_none_are_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=rf"--{next(iter(flags))}"):
        FakePlatform(port=9).places(**flags)


def test_an_address_keeps_its_password_to_itself() -> None:
    with pytest.raises(Refused) as refused:
        find_places(PlaceFlags(tempo="http://me:hidden@"), {}, lambda: pytest.fail("no stack"), "lb")
    assert "hidden" not in str(refused.value)


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
                SmokeTest(platform.places(), PROBES, 3600.0, 3600.0, sender=Sender(3600.0)).run()
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


def test_the_document_says_what_programs_need(capsys: pytest.CaptureFixture[str]) -> None:
    result = smoke(FakePlatform(lost={"worker"}))
    with pytest.raises(OpsError):
        report.show(result, None, json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    order, refused = document["probes"]
    assert order["diagnosis"]["hop"] == "worker process orders"
    assert (refused["ok"], refused["diagnosis"], refused["spans"]) == (True, None, 3)
    assert refused["seconds_by_id"] >= 0


def test_people_get_the_tree_the_checks_and_the_cause(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = smoke(FakePlatform(lost={"worker INSERT orders"}))
    with pytest.raises(OpsError):
        report.show(result, tmp_path, json=False)
    text = capsys.readouterr().out
    assert "order: failed" in text
    assert "refused order: ok" in text
    assert "process orders" in text
    assert "✗ worker INSERT*: span not made" in text
    assert {path.name for path in tmp_path.iterdir()} == {f"trace-smoke-test.{end}" for end in ("md", "html", "json")}
    assert "span not made" in (tmp_path / "trace-smoke-test.md").read_text()


def test_a_whole_run_is_shown_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(smoke(FakePlatform()), None, json=False)
    assert "2 of 2 requests are traced whole" in capsys.readouterr().out
