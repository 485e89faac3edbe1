"""`invoke status` on the engine in memory: what a user reads, and how little it takes to be told something."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from invoke.context import Context
from invoke.exceptions import Exit
from tests.fakes.compose import FakeCompose
from tests.fakes.shop import Shop

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.errors import EngineRefused
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.rollout.scale import scale
from optimus_ops.status import replica_facts, snapshot, tasks
from optimus_ops.system.process import Completed

DONE = Completed((), 0, "", "")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop of which nothing runs, and which tasks find."""
    monkeypatch.setattr(replica_facts, "SAMPLE_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "160")
    made = Shop.open(tmp_path)
    made.open_to_tasks(monkeypatch)
    return made


@pytest.fixture
def running(shop: Shop) -> Shop:
    """Return the same with two replicas of `web`."""
    scale(shop.context(), ScaleRequest({"web": 2}), shop.prober)
    shop.process_ends()
    return shop


def raises(error: OpsError) -> Callable[..., NoReturn]:
    """Return a function that can do nothing else."""

    def fail(*_words: Any, **_options: Any) -> NoReturn:
        raise error

    return fail


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return what gives the output of `invoke status`."""

    def show() -> str:
        capsys.readouterr()
        tasks.status(Context())
        return capsys.readouterr().out

    return show


@pytest.mark.usefixtures("running")
def test_a_stack_that_is_as_wanted_is_a_table_and_nothing_else(shown: Callable[[], str]) -> None:
    headline, _header, *lines = shown().splitlines()
    assert headline.startswith("shop: 5 of 5 replicas ready")
    ready = {line.split()[0]: line.split()[1] for line in lines}
    assert ready == {
        "db": "1/1",
        "migrations": "done",
        "web": "2/2",
        "seed": "done",
        "worker": "1/1",
        "nginx-lb": "1/1",
    }


@pytest.mark.usefixtures("running")
def test_the_document_says_the_same_as_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    tasks.status(Context(), json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["project"] == "shop"
    found = {service["service"]: service["ready"] for service in document["services"]}
    assert found["web"] == 2


def test_where_nothing_runs_the_command_that_starts_it_is_told(shop: Shop, shown: Callable[[], str]) -> None:
    assert shown().splitlines() == ["shop: nothing runs", "  start it with: invoke scale --web 3"]
    (shop.project.root / "docker-compose.yml").unlink()
    assert "  start it with: invoke up" in shown().splitlines()


def test_files_that_do_not_parse_are_told_of_and_what_runs_is_shown_all_the_same(
    running: Shop, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCompose, "document", raises(Refused("services.web: bad")))
    text = shown()
    assert "! what is wanted is unknown: services.web: bad" in text
    assert "web" in text.split()
    running.engine.containers.clear()
    assert "! what is wanted is unknown: services.web: bad" in shown()


@pytest.mark.usefixtures("running")
def test_what_could_not_be_compared_is_told_and_the_rest_is_shown(
    shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "list_images", raises(OpsError("no sources")))
    monkeypatch.setattr(snapshot, "observe_current_versions", raises(OpsError("no digests")))
    lines = shown().splitlines()
    assert "! whether images are current is unknown: no sources" in lines
    assert "! what runs otherwise than wanted is unknown: no digests" in lines
    assert lines[0].startswith("shop: 5 of 5 replicas ready")


def test_a_replica_that_ended_is_named_with_its_last_words(running: Shop, shown: Callable[[], str]) -> None:
    [first, _second] = running.ready("web")
    first.output.append("no such table")
    first.end(7)
    lines = shown().splitlines()
    problem = next(number for number, line in enumerate(lines) if line.startswith("! shop-web-1"))
    assert "invoke logs web" in lines[problem]
    assert lines[problem + 1].strip() == "no such table"


def test_what_no_file_wants_any_more_is_shown_with_the_command_that_removes_it(
    running: Shop, shown: Callable[[], str]
) -> None:
    running.engine.create("shop", "old", 1, "web:1").start(0.0)
    assert "(shop-old-1 runs): invoke up --remove-orphans" in " ".join(shown().split())


def test_a_service_s_report_that_fails_is_a_warning_and_not_silence(running: Shop, shown: Callable[[], str]) -> None:
    for container, label in zip(running.ready("web"), ("report", "a 'b"), strict=True):
        container.labels = {**container.labels, "com.optimus.report": label}
    running.engine.on_exec = lambda _container, command: replace(DONE, code=3 if command[0] == "report" else 1)
    text = shown()
    assert "! shop-web-1: its report ended with 3" in text
    assert "! shop-web-2: its report ended with 1" in text
    running.engine.on_exec = raises(EngineRefused("it hangs"))
    assert "! web: its report did not come within 2.5 s" in shown()


def test_a_subsystem_that_fails_is_named_and_the_table_is_shown(
    running: Shop, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = running.project.root
    (root / "pyproject.toml").write_text('[tool.optimus-ops]\nsubsystems = ["acme_status"]\n', "utf-8")
    (root / "acme_status").mkdir()
    (root / "acme_status" / "__init__.py").touch()
    (root / "acme_status" / "status_lines.py").write_text(
        "from optimus_ops.errors import OpsError\n\ndef status_lines(context):\n    raise OpsError('no answer')\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(root)
    try:
        assert "! acme_status: no answer" in shown()
    finally:
        for name in [name for name in sys.modules if name.startswith("acme_status")]:
            del sys.modules[name]


@pytest.mark.usefixtures("shop")
def test_without_an_engine_it_ends_with_3_and_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DockerEngine, "connect", raises(MissingPrerequisite("no Docker engine answers at x")))
    with pytest.raises(Exit) as ended:
        tasks.status(Context())
    assert ended.value.code == 3
    assert "no Docker engine answers at x" in str(ended.value.message) + capsys.readouterr().err


@pytest.mark.usefixtures("shop")
def test_logs_can_not_follow_and_not_follow() -> None:
    with pytest.raises(Exit) as refused:
        tasks.logs(Context(), follow=True, no_follow=True)
    assert refused.value.code == 2


def test_logs_of_replicas_end_with_what_is_there_where_nobody_follows(
    running: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    for container in running.ready("web"):
        container.output.append("2026-01-01T00:00:00.000000000Z serving")
    tasks.logs(Context(), service=["web"], no_follow=True)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["web-1", "|", "serving"],
        ["web-2", "|", "serving"],
    ]
    with pytest.raises(Exit) as refused:
        tasks.logs(Context(), service=["nope"], no_follow=True)
    assert refused.value.code == 2
