from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import signal
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.change.executor import StepExecutor, execute
from optimus_ops.change.history import Change, Outcome, Result, parse_change, read_history, unfinished
from optimus_ops.change.journal import Journal
from optimus_ops.change.subscribers import ConsoleSubscriber, JournalSubscriber, fan_out
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Migrate, Start
from optimus_ops.text.console import Console, Progress

PLAN = Plan(
    "shop",
    "deploy",
    (
        Migrate(service="migrations", cause=Cause("never ran")),
        Start(counts=(("ai", 3),), cause=Cause("1 running, 3 wanted")),
        Start(counts=(("memory", 1),), cause=Cause("0 running")),
    ),
)


class FakeActor(StepExecutor):
    def __init__(self, error: BaseException | None = None, undo_error: OpsError | None = None) -> None:
        self.error, self.undo_error = error, undo_error

    def carry_out(self, step: Step, progress: Progress) -> None:
        if self.error is not None and step.text == "start ai=3":
            raise self.error
        progress.note = "fine"

    def undo(self, progress: Progress) -> tuple[str, ...]:
        progress.note = "1 removed"
        if self.undo_error is not None:
            raise self.undo_error
        return ("removed shop-ai-2",)


def run(folder: Path, actor: FakeActor, running: int = 1) -> None:
    """Make a change, to whatever end."""
    journal = Journal.begin(folder, PLAN, before={"ai": {"running": running, "containers": []}})
    with contextlib.suppress(OpsError, KeyboardInterrupt):
        execute(
            PLAN,
            actor,
            fan_out(ConsoleSubscriber(Console(io.StringIO(), live=False, colour=False)), JournalSubscriber(journal)),
        )


def killed(folder: Path, running: int = 1) -> None:
    """Make a change whose process is killed in its second step."""
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=begin_and_wait, args=(folder, running, begun))
    process.start()
    assert begun.wait(30)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def begin_and_wait(folder: Path, running: int, begun: Event) -> None:
    journal = Journal.begin(folder, PLAN, before={"ai": {"running": running, "containers": []}})
    journal.write("step", step=PLAN.steps[0].as_json())
    journal.write("step-done", step="migrate", seconds=1.5, note="0001")
    journal.write("step", step=PLAN.steps[1].as_json())
    begun.set()
    signal.pause()


def latest(folder: Path) -> Change:
    return read_history(folder, "shop").changes[0]


def results(change: Change) -> list[str]:
    return [step.result.value for step in change.steps]


def test_a_change_that_went_well_is_done_with_every_step(tmp_path: Path) -> None:
    run(tmp_path, FakeActor())
    change = latest(tmp_path)
    assert (change.id, change.purpose, change.outcome) == (1, "deploy", Outcome.DONE)
    assert results(change) == ["done", "done", "done"]
    assert change.steps[1].text == "start ai=3"
    assert change.steps[1].cause == "1 running, 3 wanted"
    assert change.steps[1].note == "fine"
    assert change.steps[1].seconds is not None
    assert change.seconds is not None


@pytest.mark.parametrize(
    ("actor", "outcome", "result"),
    [
        (FakeActor(OpsError("not healthy")), Outcome.UNDONE, Result.FAILED),
        (FakeActor(OpsError("not healthy"), OpsError("gone")), Outcome.HALF_UNDONE, Result.FAILED),
        (FakeActor(KeyboardInterrupt()), Outcome.INTERRUPTED, Result.INTERRUPTED),
        (FakeActor(Interrupted(signal.SIGTERM)), Outcome.INTERRUPTED, Result.INTERRUPTED),
    ],
    ids=["failed", "not undone", "Ctrl-C", "SIGTERM"],
)
def test_a_change_that_failed_says_where_and_how_it_was_left(
    tmp_path: Path, actor: FakeActor, outcome: Outcome, result: Result
) -> None:
    run(tmp_path, actor)
    change = latest(tmp_path)
    assert change.outcome is outcome
    assert results(change) == ["done", result.value, "not reached"]
    assert change.error
    assert change.undone == (() if outcome is Outcome.HALF_UNDONE else ("removed shop-ai-2",))


def test_a_change_that_is_under_way_is_running(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    journal.write("step", step=PLAN.steps[0].as_json())
    change = latest(tmp_path)
    assert change.outcome is Outcome.RUNNING
    assert results(change) == ["running", "not reached", "not reached"]


def test_a_change_whose_process_was_killed_is_unfinished_and_says_what_was_there(tmp_path: Path) -> None:
    killed(tmp_path, running=4)
    change = unfinished(tmp_path, "shop")
    assert change is not None
    assert change.outcome is Outcome.UNFINISHED
    assert change.running_before() == {"ai": 4}
    assert results(change) == ["done", "cut short", "not reached"]


def test_nothing_is_unfinished_after_a_change_that_went_well(tmp_path: Path) -> None:
    assert unfinished(tmp_path, "shop") is None
    killed(tmp_path)
    run(tmp_path, FakeActor())
    assert unfinished(tmp_path, "shop") is None


def test_a_change_that_was_undone_leads_back_to_the_unfinished_one_before_it(tmp_path: Path) -> None:
    killed(tmp_path, running=4)
    run(tmp_path, FakeActor(OpsError("no")), running=6)
    change = unfinished(tmp_path, "shop")
    assert change is not None
    assert (change.id, change.running_before()) == (1, {"ai": 4})


def test_migrations_alone_settle_nothing(tmp_path: Path) -> None:
    killed(tmp_path, running=4)
    Journal.begin(tmp_path, replace(PLAN, purpose="migrate")).write("done")
    change = unfinished(tmp_path, "shop")
    assert change is not None
    assert change.running_before() == {"ai": 4}


def test_of_several_unfinished_changes_the_first_knows_what_was_there(tmp_path: Path) -> None:
    run(tmp_path, FakeActor(), running=1)
    killed(tmp_path, running=4)
    killed(tmp_path, running=7)
    change = unfinished(tmp_path, "shop")
    assert change is not None
    assert (change.id, change.running_before()) == (3, {"ai": 4})


def test_the_newest_change_comes_first_whatever_the_clock_said(tmp_path: Path) -> None:
    for at in ("2038-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00"):
        journal = Journal.begin(tmp_path, PLAN)
        begin = json.loads(journal.path.read_text())
        journal.path.write_text(json.dumps({**begin, "at": at}) + "\n")
    assert [change.id for change in read_history(tmp_path, "shop").changes] == [2, 1]


def test_files_that_hold_nothing_readable_are_named(tmp_path: Path) -> None:
    run(tmp_path, FakeActor())
    (tmp_path / "shop-000002.jsonl").write_bytes(b"\x00\xff")
    found = read_history(tmp_path, "shop")
    assert [change.id for change in found.changes] == [1]
    assert found.unreadable == ("shop-000002.jsonl",)


def test_what_is_unreadable_hides_no_unfinished_change(tmp_path: Path) -> None:
    killed(tmp_path, running=4)
    (tmp_path / "shop-000002.jsonl").write_bytes(b"\x00\xff")
    change = unfinished(tmp_path, "shop")
    assert change is not None
    assert (change.id, change.running_before()) == (1, {"ai": 4})


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    run(tmp_path, FakeActor())
    whole = latest(tmp_path)
    [path] = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"\n", b'\n[1]\n{"event": 2}\n', 1))
    assert latest(tmp_path) == whole


def test_no_folder_is_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path / "none", "shop").changes == ()


def journal_text(folder: Path) -> bytes:
    run(folder, FakeActor(OpsError("not healthy")))
    [path] = folder.glob("*.jsonl")
    return path.read_bytes()


def test_a_journal_that_is_cut_anywhere_tells_what_came_before_the_cut(tmp_path: Path) -> None:
    raw = journal_text(tmp_path)
    whole = parse_change(1, raw, now=None)
    assert whole is not None
    begin = raw.index(b"\n")
    for cut in range(begin, len(raw)):
        change = parse_change(1, raw[:cut], now=None)
        assert change is not None
        assert change.outcome in {Outcome.UNFINISHED, whole.outcome}
        assert replace(change, outcome=whole.outcome, steps=(), seconds=None, error="", undone=()) == replace(
            whole, steps=(), seconds=None, error="", undone=()
        )


def jsons() -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["event", "plan", "steps", "text", "command", "before", "boot_seconds", "seconds", "undone"])

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)

    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    return st.recursive(plain, deeper, max_leaves=8)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["begin", "step", "step-done", "failed", "undo", "done", "else"]),
            st.dictionaries(
                st.sampled_from(["plan", "command", "before", "seconds", "note", "error", "undone", "boot_seconds"]),
                jsons(),
            ),
        ),
        max_size=6,
    ),
    st.none() | st.floats(0, 1e9),
)
def test_whatever_the_lines_hold_they_make_a_change_or_none(
    events: list[tuple[str, dict[str, Any]]], now: float | None
) -> None:
    raw = b"\n".join(json.dumps({"event": name, **facts}).encode() for name, facts in events)
    change = parse_change(1, raw, now=now)
    assert (change is None) == all(name != "begin" for name, _facts in events)
    if change is not None:
        json.dumps(change.as_json())
        assert all(type(count) is int for count in change.running_before().values())


@given(st.binary())
def test_noise_is_no_change(raw: bytes) -> None:
    assert parse_change(1, raw, now=None) is None
