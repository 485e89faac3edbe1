"""The events of a change as JSON lines for another program."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from optimus_ops.change.executor import StepExecutor, execute
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.change.subscribers import ConsoleSubscriber, JsonLinesSubscriber, fan_out
from optimus_ops.errors import OpsError, Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Migrate, Start
from optimus_ops.text.console import Console, Progress

PLAN = Plan(
    "shop",
    "scale",
    (Start(counts=(("ai", 3),), cause=Cause("0 running")), Migrate(service="job", cause=Cause("never ran"))),
)


@dataclass
class Starter(StepExecutor):
    fail: bool = False
    started: list[str] = field(default_factory=list)
    there: frozenset[str] = frozenset()

    @property
    def handlers(self) -> Any:
        return {Start: self._start, Migrate: self._migrate}

    def applied(self, step: Step) -> bool:
        return step.text in self.there

    def _start(self, step: Start, progress: Progress) -> None:
        progress.note = "1/3 healthy"
        self.started.append(step.text)
        self.undo_stack.push("removed ai-1", lambda: None)

    def _migrate(self, _step: Migrate, _progress: Progress) -> None:
        if self.fail:
            raise OpsError("job ended with 1")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_event_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events"
    execute(PLAN, Starter(), JsonLinesSubscriber.open(str(path)))
    assert [line["event"] for line in lines(path)] == ["step", "note", "step-done", "step", "step-done", "done"]
    assert lines(path)[1]["text"] == "1/3 healthy"


def test_a_failure_and_its_undo_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with pytest.raises(OpsError):
        execute(PLAN, Starter(fail=True), JsonLinesSubscriber.open(str(path)))
    *_, failed, started, note, undone = lines(path)
    assert (failed["event"], failed["error"]) == ("failed", "job ended with 1")
    assert (started["event"], note["event"], undone["event"]) == ("undo-started", "note", "undo")
    assert undone["undone"] == ["removed ai-1"]


def test_an_undo_that_raises_what_nobody_expected_is_shown_as_failed_and_raised(tmp_path: Path) -> None:
    class Broken(Starter):
        def undo(self, progress: Progress) -> tuple[str, ...]:
            raise ZeroDivisionError(progress.title)

    stream, path = io.StringIO(), tmp_path / "events"
    console = ConsoleSubscriber(Console(stream, live=False, colour=False))
    with pytest.raises(ZeroDivisionError):
        execute(PLAN, Broken(fail=True), fan_out(console, JsonLinesSubscriber.open(str(path))))
    assert stream.getvalue().splitlines()[-2].startswith("✗ undo what was done")
    undo = lines(path)[-1]
    assert (undo["event"], undo["error"]) == ("undo", "ZeroDivisionError: undo what was done")


def test_a_step_that_was_applied_by_a_killed_run_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "events"
    executor = Starter(there=frozenset({"start ai=3"}))
    execute(PLAN, executor, JsonLinesSubscriber.open(str(path)))
    assert executor.started == []
    assert lines(path)[2]["note"] == "done already"


def test_a_file_of_events_that_can_t_be_written_is_refused_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMUS_EVENTS", str(tmp_path / "missing" / "events"))
    with pytest.raises(Refused, match="OPTIMUS_EVENTS"), ChangeRun(tmp_path, "shop", ChangeOptions()):
        pytest.fail("the change began")
