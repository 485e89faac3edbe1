"""The smoke test of traces with stores that fail, lie, or keep less than others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.traces.fake_platform import ORDER, PROBES, FakePlatform
from tests.unit.traces.smoke_run import failed, found, smoke, told

from optimus_ops.traces.smoke import report
from optimus_ops.traces.smoke.probe import ProbeSet


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


def test_search_that_finds_nothing_is_a_note_unless_it_is_asked_for() -> None:
    def blind(path: str) -> tuple[int, object, dict[str, str]] | None:
        return (200, {"traces": []}, {}) if path == "/api/search" else None

    noted = smoke(FakePlatform(answer=blind))
    assert not noted.failed
    assert found(noted, "search", "stores").startswith("0 of 2 found yet")
    assert failed(smoke(FakePlatform(answer=blind), search=1.0)) == {("stores", "search")}
