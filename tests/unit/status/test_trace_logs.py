"""`invoke logs --trace`: from the store of logs, and from the containers' own output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.stacks import replica
from tests.unit.traces.spans import TRACE
from tests.unit.traces.store_server import Reply, reply, serving

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.model.state import Replica, State
from optimus_ops.status.trace_logs import trace_logs

OUTPUT = {
    "web1": f"2026-11-29T05:00:02.0Z late {TRACE.upper()}\n2026-11-29T05:00:00.5Z another\n",
    "cart1": f'2026-11-29T05:00:01.0Z {{"trace_id":"{TRACE}"}}\n',
}


class Stack:
    def __init__(self, *replicas: Replica) -> None:
        self.replicas = replicas

    def within(self, _seconds: float | None) -> Stack:
        return self

    def observe(self, project: str) -> State:
        return State(project, self.replicas)

    def stream_logs(self, container: str, **_: object) -> Iterator[bytes]:
        yield OUTPUT.get(container, "").encode()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks.py").write_text("")
    (tmp_path / "compose.yml").write_text("name: shop\nservices: {}\n")
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)


def running(monkeypatch: pytest.MonkeyPatch, *more: Replica) -> None:
    monkeypatch.setattr(DockerEngine, "connect", lambda: Stack(replica("web"), replica("cart"), *more))


def loki(*values: list[Any], query_range: Reply | None = None) -> dict[str, Reply]:
    result = [{"stream": {"service_name": "web"}, "values": list(values)}]
    streams = reply({"status": "success", "data": {"resultType": "streams", "result": result}})
    return {
        "/ready": Reply(200, "text/plain", b"ready"),
        "/loki/api/v1/labels": reply({"status": "success"}),
        "/loki/api/v1/query_range": query_range or streams,
    }


def test_without_a_store_the_containers_own_lines_are_shown_in_the_order_of_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running(monkeypatch)
    trace_logs(f"00-{TRACE}-00f067aa0ba902b7-01", ())
    assert capsys.readouterr().out.splitlines() == [
        f'cart-1 | {{"trace_id":"{TRACE}"}}',
        f"web-1  | late {TRACE.upper()}",
    ]


def test_lines_of_one_service(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    running(monkeypatch)
    trace_logs(TRACE, ("cart",))
    assert capsys.readouterr().out.startswith("cart-1 |")


def test_the_store_of_logs_is_asked_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(loki(["20", "second"], ["10", "first\n"], [str(2**70), "far"]), port=3100) as server:
        running(monkeypatch, replica("loki", addresses={"shop": server.host}))
        trace_logs(TRACE, ())
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["web | first", "web | second", "web | far"]


@pytest.mark.parametrize("replies", [loki(), loki(query_range=Reply(500)), {}])
def test_a_store_that_has_none_or_fails_is_no_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], replies: dict[str, Reply]
) -> None:
    with serving(replies, port=3100) as server:
        running(monkeypatch, replica("loki", addresses={"shop": server.host}))
        trace_logs(TRACE, ())
    assert capsys.readouterr().out.splitlines()[0].startswith("cart-1 |")


def test_no_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch)
    with pytest.raises(OpsError, match="no line of shop holds trace") as told:
        trace_logs("f" * 32, ())
    assert "invoke" not in str(told.value)


def test_what_keeps_lines_is_told_by_the_overlay_that_this_project_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "compose.kept.yml").write_text("services: {loki: {}}\n")
    running(monkeypatch)
    with pytest.raises(OpsError) as told:
        trace_logs("f" * 32, ())
    assert "invoke scale --kept" in str(told.value)


def test_what_is_no_id_or_no_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    running(monkeypatch)
    with pytest.raises(Refused, match="no trace id"):
        trace_logs("web", ())
    with pytest.raises(Refused, match="no service 'api'"):
        trace_logs(TRACE, ("api",))
