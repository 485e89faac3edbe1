"""`invoke logs` on the engine in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.shop import Shop
from tests.unit.stacks import replica

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.values import ContainerStart
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.state import State
from optimus_ops.status.logs import follow, logs, parse_tail, reader_gone


class Output:
    """An engine with one replica that wrote two lines."""

    def __init__(self, *, answering: bool = True, empty: bool = False) -> None:
        self.answering = answering
        self.empty = empty

    def within(self, _seconds: float | None) -> Output:
        return self

    def observe(self, project: str) -> State:
        return State(project, () if self.empty else (replica("web"),))

    def stream_logs(self, _container: str, **_: object) -> Iterator[bytes]:
        yield b"2026-11-22T16:52:01.000000000Z one\n2026-11-22T16:52:02.000000000Z two\n"

    def starts(self, _project: str) -> Iterator[ContainerStart]:
        return iter(())

    def answers(self) -> bool:
        return self.answering


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tasks.py").write_text("")
    (tmp_path / "compose.yml").write_text("name: shop\nservices: {}\n")
    monkeypatch.setenv("OPTIMUS_ROOT", str(tmp_path))
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    return tmp_path


def connected(monkeypatch: pytest.MonkeyPatch, output: Output) -> None:
    monkeypatch.setattr(DockerEngine, "connect", lambda: output)


@pytest.mark.usefixtures("project")
def test_lines_carry_the_name_of_their_replica(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Output())
    logs(["web"], follow=False, tail="all")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["web-1", "web-1"]
    assert [line.split()[-1] for line in lines] == ["one", "two"]


@pytest.mark.usefixtures("project")
def test_followed_lines_leave_standard_output_to_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Output())
    follow([], json=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "two" in shown.err
    assert shown.err.endswith("the last of these replicas ended\n")


@pytest.mark.usefixtures("project")
def test_an_engine_that_stopped_answering_is_no_end_of_the_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, Output(answering=False))
    with pytest.raises(MissingPrerequisite, match="stopped answering"):
        logs([], follow=True, tail="5")


@pytest.mark.usefixtures("project")
def test_without_replicas_there_is_nothing_to_show(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Output(empty=True))
    logs([], follow=False, tail="5")
    assert "nothing to show, no replica of it is there" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_a_service_that_nothing_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, Output())
    with pytest.raises(Refused, match="no service 'api'") as refused:
        logs(["web", "api"], follow=False, tail="5")
    assert "services: web" in str(refused.value)


@pytest.mark.parametrize("text", ["", "-1", "many", "1e3", "1234567890", "\u0663"])
def test_a_tail_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="a number of lines or `all`"):
        parse_tail(text)


def test_a_pipe_without_a_reader_is_noticed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        assert not reader_gone(stream)
        os.close(reading)
        assert reader_gone(stream)
    assert not reader_gone(stream)


@pytest.mark.usefixtures("project")
def test_lines_that_nobody_reads_any_more_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, Output())
    monkeypatch.setattr("optimus_ops.status.logs.reader_gone", lambda _stream: True)
    with pytest.raises(BrokenPipeError):
        logs([], follow=True, tail="5")


def test_a_service_of_the_files_that_has_no_replica_is_known(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop.open(project)
    shop.open_to_tasks(monkeypatch)
    logs(["worker"], follow=False, tail="5")
    assert "no replica of worker is there" in capsys.readouterr().out
    with pytest.raises(Refused, match="no service 'workers'"):
        logs(["worker", "workers"], follow=False, tail="5")
