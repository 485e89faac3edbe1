"""One task as a step of a workflow."""

import json
import sys
from pathlib import Path

import pytest
from invoke.exceptions import Exit

from optimus_ops.ci import task_step
from optimus_ops.ci.task_step import MOST_SUMMARY_BYTES, run_task
from optimus_ops.errors import Refused
from optimus_ops.system import in_place

FINDING = {"rule": "a/b", "level": "error", "message": "bad", "place": {"file": "x.py", "line": 3, "column": 0}}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a shell in the place of `invoke`; return the folder of the summary."""
    (tmp_path / "invoke").write_text('#!/bin/sh\nexec /bin/sh -c "$@"\n')
    (tmp_path / "invoke").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path


def test_report_and_findings_are_shown_and_the_exit_code_is_the_tasks(
    program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = program / "reports"
    folder.mkdir()
    (folder / "old.md").write_text("# before")
    (program / "document").write_text(json.dumps({"findings": [FINDING]}))
    script = f"echo out; echo '# now' > {folder}/r.md; cp {program}/document {folder}/r.json; exit 3"
    with pytest.raises(Exit) as raised:
        run_task(f'"{script}"', report=str(folder), output="")
    assert raised.value.code == 3
    assert (program / "summary").read_text() == "# now\n"
    assert capfd.readouterr().out == "out\n::error file=x.py,line=3,title=a/b::bad\n"


def test_output_goes_to_a_file(program: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_task("'echo kept'", report="", output=str(program / "logs" / "out.txt"))
    assert (program / "logs" / "out.txt").read_text() == "kept\n"
    assert capfd.readouterr().out == ""


def test_a_long_report_is_cut_to_what_github_takes(program: Path) -> None:
    (program / "long").write_text("ä" * MOST_SUMMARY_BYTES)
    (program / "reports").mkdir()
    run_task(f"'cp {program}/long {program}/reports/r.md'", report=str(program / "reports"), output="")
    text = (program / "summary").read_text("utf-8")
    assert len(text.encode()) <= MOST_SUMMARY_BYTES
    assert text.endswith("(cut: the whole report is an artifact)\n")


@pytest.mark.parametrize(("words", "message"), [("", "no task is named"), ("a 'b", "No closing quotation")])
def test_words_that_are_none_are_refused(words: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        run_task(words, report="", output="")


def test_another_json_file_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("{")
    assert [list(task_step.findings_of(tmp_path / name)) for name in ("a.json", "b.json", "none")] == [[], [], []]


def test_the_task_may_be_of_another_project(program: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (program / "invoke").write_text('#!/bin/sh\necho "$@"\n')
    run_task("deploy --plan", report="", output="", project="/srv/a stack")
    assert capfd.readouterr().out == "--search-root /srv/a stack deploy --plan\n"


@pytest.mark.parametrize(("name", "code"), [("INT", 130), ("TERM", 143)])
def test_a_task_that_is_interrupted_has_the_time_to_undo_what_it_did(
    program: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    monkeypatch.setattr(in_place, "in_foreground", lambda: False)
    undo = f"sleep 0.6; echo undone > {program}/result; exit {code}"
    with pytest.raises(Exit) as raised:
        run_task(f"\"trap '{undo}' {name}; kill -{name} $PPID; sleep 30 & wait\"", report="", output="")
    assert raised.value.code == code
    assert (program / "result").read_text() == "undone\n"


def test_github_is_told_what_to_mask_before_a_task_and_what_the_task_made(
    program: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTIMUS_SECRETS_FILE", raising=False)
    secrets = program / ".env.secrets"
    secrets.write_text("A=value-of%a\nSHORT=1\n")
    script = f"'echo run; echo B=value-of-b >> {secrets}'"
    # `invoke --search-root FOLDER` of the shell that stands for it: its words are the script.
    (program / "invoke").write_text('#!/bin/sh\nexec /bin/sh -c "$3"\n')
    run_task(script, report="", output="", project=str(program))
    assert capfd.readouterr().out == "run\n"
    secrets.write_text("A=value-of%a\nSHORT=1\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run_task(script, report="", output="", project=str(program))
    assert capfd.readouterr().out.splitlines() == ["::add-mask::value-of%25a", "run", "::add-mask::value-of-b"]
