from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimus_ops.change.history import Change, Outcome, Result, StepRecord
from optimus_ops.change.journal import Journal
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Start
from optimus_ops.status.history import history
from optimus_ops.status.history_text import describe, table
from optimus_ops.text.console import Console

CHANGE = Change(
    id=12,
    at="2026-01-01T12:00:00+00:00",
    user="ann",
    host="here",
    command=("invoke", "deploy", "ai", "--observe", "30"),
    purpose="deploy",
    outcome=Outcome.UNDONE,
    seconds=61.23,
    steps=(
        StepRecord("start ai=2", "ai: 1 running, 2 wanted", Result.DONE, 0.51, "2 started", ("it took long",)),
        StepRecord("wait until healthy: ai=2", "they have just been started", Result.FAILED, 60.0),
        StepRecord("verify routing to ai=2", "they have just been started", Result.NOT_REACHED),
    ),
    error="shop-ai-2 is not healthy after 60 s; its last output:\n\x1b]0;owned\x07oops",
    undone=("removed shop-ai-2",),
    before={},
)
PLAIN = Console(io.StringIO(), live=False, colour=False)


def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout of the project `shop`; return the folder of its journal."""
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "shop")
    monkeypatch.delenv("OPTIMUS_STATE_DIR", raising=False)
    return root / ".optimus" / "journal"


def change(folder: Path, *command: str) -> None:
    journal = Journal.begin(
        folder, Plan("shop", "scale", (Start(counts=(("ai", 2),), cause=Cause("1 running")),)), command=command
    )
    journal.write("done")


def test_a_line_says_when_who_what_and_how_it_ended() -> None:
    header, line = table([CHANGE], colour=False, columns=4000).splitlines()
    assert header.split() == ["CHANGE", "WHEN", "WHO", "OUTCOME", "TIME", "WHAT"]
    assert line.split()[0] == "12"
    for part in ("ann", "invoke deploy ai --observe 30", "failed and undone", "61.2 s"):
        assert part in line


def test_a_change_that_was_done_with_a_loss_does_not_look_spotless() -> None:
    assert "done, 1 complaint" in table([replace(CHANGE, outcome=Outcome.DONE)], colour=False, columns=4000)


def test_in_a_narrow_terminal_the_command_goes_on_below() -> None:
    text = table([CHANGE], colour=False, columns=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "failed and undone" in text
    assert {"invoke", "deploy", "ai", "--observe", "30"} <= set(text.split())


def test_one_change_is_told_step_by_step() -> None:
    assert [line.strip() for line in describe(CHANGE, PLAIN)][2:] == [
        "1. ✓ start ai=2 · 2 started (0.5 s)",
        "(ai: 1 running, 2 wanted)",
        "! it took long",
        "2. ✗ wait until healthy: ai=2 · failed (60.0 s)",
        "(they have just been started)",
        "3. · verify routing to ai=2 · not reached",
        "(they have just been started)",
        "why it failed:",
        "shop-ai-2 is not healthy after 60 s; its last output:",
        "oops",
        "undone:",
        "removed shop-ai-2",
    ]


def test_the_newest_changes_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tmp_path, monkeypatch)
    for number in range(4):
        change(folder, "invoke", "scale", "--ai", str(number))
    history(last="2", change="", json=False, root=tmp_path)
    shown = capsys.readouterr().out
    assert shown.index("--ai 3") < shown.index("--ai 2")
    assert "--ai 1" not in shown


def test_json_is_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(project(tmp_path, monkeypatch), "invoke", "up")
    history(last="", change="", json=True, root=tmp_path)
    [made] = json.loads(capsys.readouterr().out)["changes"]
    assert (made["id"], made["outcome"], made["command"]) == (1, "done", ["invoke", "up"])
    history(last="", change="1", json=True, root=tmp_path)
    assert json.loads(capsys.readouterr().out)["change"] == made


def test_an_empty_journal_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path, monkeypatch)
    history(last="", change="", json=False, root=tmp_path)
    assert capsys.readouterr().out == "shop: nothing was changed yet\n"


@pytest.mark.parametrize("last", ["0", "-1", "many", "٣", "1.5", "9" * 30])
def test_what_is_no_number_of_changes_is_refused(tmp_path: Path, last: str) -> None:
    with pytest.raises(Refused, match="--last"):
        history(last=last, change="", json=False, root=tmp_path)


@pytest.mark.parametrize("wanted", ["7", "0", "latest"])
def test_a_change_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    change(project(tmp_path, monkeypatch), "invoke", "up")
    with pytest.raises(Refused):
        history(last="", change=wanted, json=False, root=tmp_path)


def test_one_change_is_shown_with_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(project(tmp_path, monkeypatch), "invoke", "up")
    history(last="", change="#1", json=False, root=tmp_path)
    assert capsys.readouterr().out.startswith("change 1: invoke up\n")


def test_a_journal_that_can_t_be_read_is_named_beside_those_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tmp_path, monkeypatch)
    change(folder, "invoke", "up")
    [good] = folder.glob("*.jsonl")
    damaged = good.with_name(good.name.replace("1", "2", 1))
    damaged.write_text("\0\n", "utf-8")
    history(last="", change="", json=False, root=tmp_path)
    shown = capsys.readouterr().out
    assert "invoke up" in shown
    assert shown.splitlines()[-1] == f"! not readable by this user, or damaged: {damaged.name}"


def test_a_change_has_no_word_of_what_is_not_known_of_it() -> None:
    good = replace(
        CHANGE, outcome=Outcome.DONE, seconds=None, steps=(), error="", undone=(), at="yesterday", command=()
    )
    head, when = describe(good, PLAIN)
    assert head == "change 12: deploy"
    assert when == "  - by ann@here: done"
    silent = replace(CHANGE, steps=(StepRecord("start ai=2", "", Result.RUNNING, None),), error="", undone=())
    assert [line.strip() for line in describe(silent, PLAIN)][2:] == ["1. … start ai=2 · running"]
