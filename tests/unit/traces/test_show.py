"""`invoke traces.show`: of an address, and of the running stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks import replica
from tests.unit.traces.spans import TRACE
from tests.unit.traces.store_server import IDS, StoreServer, old_tempo, recorded, reply, serving, tempo

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.model.state import Replica, State
from optimus_ops.traces.connect import connect_traces
from optimus_ops.traces.newest import newest_logged
from optimus_ops.traces.show import ShowRequest, show
from optimus_ops.traces.store import StoreFailed

LABEL = "com.optimus.service"


class Stack:
    """An engine with replicas, whose balancer wrote lines."""

    def __init__(self, *replicas: Replica, lines: tuple[str, ...] = ()) -> None:
        self.replicas, self.lines = replicas, lines

    def observe(self, project: str) -> State:
        return State(project, self.replicas)

    def logs(self, container: str, **_: object) -> tuple[str, ...]:
        if container == "gone1":
            raise OpsError("gone")
        return self.lines


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks.py").write_text("")
    (tmp_path / "compose.yml").write_text("name: shop\nservices: {}\n")
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    monkeypatch.setenv("COLUMNS", "120")


def running(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    monkeypatch.setattr(DockerEngine, "connect", lambda: stack)


def tempo_replica(server: StoreServer) -> Replica:
    return replica("traces", labels={LABEL: "tempo"}, addresses={"none": "", "shop": server.host})


def request(**given: Any) -> dict[str, Any]:
    return {"time": "2026-11-29T05:00:00+00:00", "trace_id": IDS["trace_id"], **given}


def test_a_trace_of_an_address_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tempo()) as server:
        show(ShowRequest(f"X-Trace-Id: {IDS['trace_id']}", tempo=f"http://127.0.0.1:{server.port}"), json=False)
    shown = capsys.readouterr().out
    assert f"trace {IDS['trace_id']}" in shown
    assert "8.85 ms · 8 spans · 5 services" in shown
    assert "POST /v1/chat/completions" in shown


def test_the_document_says_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tempo()) as server:
        show(ShowRequest(IDS["error_trace_id"], tempo=f"http://127.0.0.1:{server.port}"), json=True)
        address = f"http://127.0.0.1:{server.port}"
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["store"]) == (1, {"name": "Tempo", "address": address})
    assert document["complete"]
    assert document["failed"] >= 1
    assert {span["depth"] for span in document["spans"]} >= {0, 1, 2}
    failed = next(span for span in document["spans"] if span["status"] == "error")
    assert failed["status_message"] == "provider failed"
    assert failed["events"]
    assert sum(span["critical_ms"] for span in document["spans"]) <= document["duration_ms"]


def test_the_store_of_the_running_stack_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tempo(), port=3200) as server:
        running(monkeypatch, Stack(replica("web"), tempo_replica(server)))
        show(ShowRequest(IDS["trace_id"]), json=False)
    assert "8 spans" in capsys.readouterr().out


def test_the_newest_trace_is_that_of_the_balancers_last_request_that_has_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        json.dumps(request()),
        json.dumps(request(time="2026-11-29T04:00:00+00:00", trace_id=IDS["error_trace_id"])),
        json.dumps(request(time="2026-11-29T06:00:00+00:00", trace_id=TRACE)),
        json.dumps(request(time="2026-11-29T06:00:00+00:00", trace_id="-")),
        "no JSON",
        "[" * 100_000,
        json.dumps({"time": "2026"}),
    )
    with serving(tempo(), port=3200) as server:
        balancers = (replica("gone", labels={LABEL: "nginx-lb"}), replica("lb", labels={LABEL: "nginx-lb"}))
        running(monkeypatch, Stack(*balancers, tempo_replica(server), lines=lines))
        show(ShowRequest(last=True), json=False)
        assert not any("search" in path for path, _headers in server.asked)
    assert f"trace {IDS['trace_id']}" in capsys.readouterr().out


def test_without_such_lines_the_newest_trace_is_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tempo(), port=3200) as server:
        running(monkeypatch, Stack(replica("nginx-lb"), tempo_replica(server)))
        show(ShowRequest(last=True), json=False)
    assert f"trace {IDS['trace_id']}" in capsys.readouterr().out


def test_no_trace_at_all_is_told_with_what_to_look_at() -> None:
    replies = {**tempo(), "/api/search": recorded("search-right-after")}
    with serving(replies) as server, pytest.raises(OpsError, match="no trace of the last hour") as failure:
        show(ShowRequest(last=True, tempo=f"http://127.0.0.1:{server.port}"), json=False)
    assert "OTEL_TRACES_SAMPLER" in str(failure.value)


@pytest.mark.parametrize("replies", [tempo(), old_tempo()])
def test_an_absent_trace_fails_with_what_to_look_at(replies: dict[str, Any]) -> None:
    with serving(replies) as server, pytest.raises(OpsError, match=f"has no trace {TRACE}") as failure:
        show(ShowRequest(TRACE, tempo=f"http://127.0.0.1:{server.port}"), json=False)
    assert failure.value.exit_code == 1
    assert f"invoke logs --trace {TRACE}" in str(failure.value)


@pytest.mark.parametrize(
    ("replicas", "overlay", "words", "hint"),
    [
        ((), True, "shop does not run", "invoke scale --watched"),
        ((), False, "shop does not run", "invoke up"),
        ((replica("web"),), True, "shop runs without a store of traces", "invoke scale --watched"),
        ((replica("web"),), False, "shop runs without a store of traces", "no overlay with one"),
        ((replica("web"), replica("tempo", status="exited")), True, "tempo of shop does not run", "invoke logs tempo"),
    ],
)
def test_a_stack_without_a_store_is_refused_with_the_command_that_this_project_has(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    replicas: tuple[Replica, ...],
    overlay: bool,
    words: str,
    hint: str,
) -> None:
    (tmp_path / "compose.other.yml").write_text("services: {web: {}}\n")
    if overlay:
        (tmp_path / "compose.watched.yml").write_text("services: {tempo: {}}\n")
    running(monkeypatch, Stack(*replicas))
    with pytest.raises(Refused, match=words) as refusal:
        show(ShowRequest(TRACE), json=False)
    assert hint in str(refusal.value)


@pytest.mark.parametrize(("trace", "last"), [("", False), (TRACE, True)])
def test_one_trace_has_to_be_named(trace: str, *, last: bool) -> None:
    with pytest.raises(Refused, match="which trace"):
        ShowRequest(trace, last=last)


def test_the_id_and_the_address_are_checked_before_anything_is_asked() -> None:
    with pytest.raises(Refused, match="no trace id"):
        show(ShowRequest("nothex", tempo="http://127.0.0.1:9"), json=False)
    with pytest.raises(Refused, match="no address"):
        show(ShowRequest(TRACE, tempo="tempo:3200"), json=False)


def test_a_store_that_fails_is_told() -> None:
    with serving({**tempo(), "/api/v2/traces/*": reply("?", 500)}) as server, pytest.raises(StoreFailed, match="500"):
        show(ShowRequest(TRACE, tempo=f"http://127.0.0.1:{server.port}"), json=False)


def test_only_so_many_requests_are_tried() -> None:
    lines = tuple(json.dumps(request(trace_id=f"{number:032x}", time=f"{number:04}")) for number in range(1, 101))
    with serving(tempo()) as server:
        store = connect_traces(server.client())
        before = len(server.asked)
        assert newest_logged(Stack(lines=lines), [replica("lb")], store) is None  # type: ignore[arg-type]
        asked = [path for path, _headers in server.asked[before:]]
    assert len(asked) == 25
    assert asked[0].endswith(f"{100:032x}")
