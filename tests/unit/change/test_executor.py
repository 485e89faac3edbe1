from __future__ import annotations

import contextlib
import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from optimus_ops.change.executor import StepExecutor, execute
from optimus_ops.change.journal import Journal
from optimus_ops.change.subscribers import ConsoleSubscriber, JournalSubscriber, fan_out
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import ContainerRef, Plan, Step
from optimus_ops.plan.steps import Migrate, Remove, Start
from optimus_ops.text.console import Console, Progress

PLAN = Plan(
    "shop",
    "scale",
    (
        Start(counts=(("postgres", 1),), cause=Cause("0 running")),
        Migrate(service="migrations", cause=Cause("never ran")),
        Start(counts=(("ai", 3),), cause=Cause("0 running")),
    ),
)


@dataclass
class FakeActor(StepExecutor):
    """Writes down what it is told; fails where it is asked to."""

    fail_at: str = ""
    error: Callable[[], BaseException] = lambda: OpsError("migrations ended with 1")
    done: list[str] = field(default_factory=list)

    def carry_out(self, step: Step, progress: Progress) -> None:
        if step.text == self.fail_at:
            raise self.error()
        progress.note = "fine"
        self.done.append(step.text)

    def undo(self, progress: Progress) -> tuple[str, ...]:
        undone = tuple(f"removed {text}" for text in reversed(self.done))
        self.done.clear()
        progress.note = f"{len(undone)} removed"
        return undone


def run(actor: FakeActor, folder: Path) -> tuple[str, list[str]]:
    stream = io.StringIO()
    journal = Journal.begin(folder, PLAN)
    try:
        execute(
            PLAN,
            actor,
            fan_out(ConsoleSubscriber(Console(stream, live=False, colour=False)), JournalSubscriber(journal)),
        )
    finally:
        events = [json.loads(line)["event"] for line in journal.path.read_text().splitlines()]
        (folder / "events").write_text("\n".join(events))
        (folder / "output").write_text(stream.getvalue())
    return stream.getvalue(), events


def test_steps_run_in_the_order_of_the_plan(tmp_path: Path) -> None:
    actor = FakeActor()
    output, events = run(actor, tmp_path)
    assert actor.done == [step.text for step in PLAN.steps]
    assert "[1/3] ✓ start postgres · fine" in output
    assert events == ["begin", *["step", "step-done"] * 3, "done"]


def test_a_failed_step_undoes_and_starts_nothing_more(tmp_path: Path) -> None:
    actor = FakeActor(fail_at="run migrations")
    with pytest.raises(OpsError, match="ended with 1"):
        run(actor, tmp_path)
    assert actor.done == []
    assert "✗ run migrations" in (tmp_path / "output").read_text()
    assert "start ai=3" not in (tmp_path / "output").read_text()
    assert (tmp_path / "events").read_text().split() == ["begin", "step", "step-done", "step", "failed", "undo"]


def test_ctrl_c_undoes_and_says_so(tmp_path: Path) -> None:
    actor = FakeActor(fail_at="start ai=3", error=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        run(actor, tmp_path)
    assert actor.done == []
    assert (tmp_path / "events").read_text().split()[-2:] == ["failed", "undo"]


class Losing(FakeActor):
    """Sends its own process a signal in its first step, and loses what that raises, as some libraries do."""

    number = signal.SIGTERM

    def carry_out(self, step: Step, progress: Progress) -> None:
        if not self.done:
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), self.number)
        super().carry_out(step, progress)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_counts_also_where_what_it_raised_was_lost(tmp_path: Path, number: signal.Signals) -> None:
    actor, before = Losing(), signal.getsignal(number)
    actor.number = number
    with pytest.raises(Interrupted) as interrupted:
        run(actor, tmp_path)
    assert interrupted.value.exit_code == 128 + number
    assert actor.done == []
    assert (tmp_path / "events").read_text().split() == ["begin", "step", "step-done", "failed", "undo"]
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_still_is(tmp_path: Path) -> None:
    actor, before = Losing(), signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        run(actor, tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert actor.done == [step.text for step in PLAN.steps]


def test_a_removal_that_has_begun_ends_whatever_signal_comes(tmp_path: Path) -> None:
    class Interrupting(FakeActor):
        def carry_out(self, step: Step, progress: Progress) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            super().carry_out(step, progress)

    actor = Interrupting()
    plan = Plan("shop", "deploy", (Remove(containers=(ContainerRef("shop-ai-1", "id"),), cause=Cause("replaced")),))
    stream = io.StringIO()
    journal = Journal.begin(tmp_path, plan)
    execute(
        plan, actor, fan_out(ConsoleSubscriber(Console(stream, live=False, colour=False)), JournalSubscriber(journal))
    )
    assert actor.done == ["remove shop-ai-1"]
    assert "too late to stop" in stream.getvalue()
    assert '"done"' in journal.path.read_text().splitlines()[-1]


def test_the_journal_names_who_and_what(tmp_path: Path) -> None:
    run(FakeActor(), tmp_path)
    [path] = tmp_path.glob("*.jsonl")
    begin = json.loads(path.read_text().splitlines()[0])
    assert begin["plan"]["steps"][2]["counts"] == [["ai", 3]]
    assert begin["user"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_step_that_nobody_can_carry_out_is_a_failure() -> None:
    with pytest.raises(OpsError, match="no way to carry out a step of kind 'migrate'"):
        StepExecutor().carry_out(PLAN.steps[1], Progress("migrating"))
