"""The folder that a stack runs from: commits, secrets, undo, outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.release.conftest import Git, commit, git_in

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.release.operator_secrets import OperatorSecrets
from optimus_ops.release.stack_checkout import check_out

VALUES = "A=1\nB='two words'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "stack"


def head(folder: Path) -> str:
    return git_in(folder, "rev-parse", "HEAD")


def change(project: Path) -> str:
    (project / "src" / "greetings" / "latin.txt").write_text("ave\n")
    commit(project)
    return head(project)


def test_a_folder_is_made_and_moved_and_tells_both_commits(
    project: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    first = head(project)
    check_out(str(folder), "", "", ChangeOptions())
    second = change(project)
    check_out(str(folder), "HEAD", "", ChangeOptions())
    check_out(str(folder), second[:12], "", ChangeOptions())
    assert head(folder) == second
    assert (folder / "src" / "greetings" / "latin.txt").read_text() == "ave\n"
    assert outputs.read_text().splitlines() == [
        *("previous=", f"commit={first}"),
        *(f"previous={first}", f"commit={second}"),
        *(f"previous={second}", f"commit={second}"),
    ]


def test_what_the_stack_keeps_in_its_folder_stays(project: Path, folder: Path) -> None:
    check_out(str(folder), "", "", ChangeOptions())
    (folder / ".optimus").mkdir()
    (folder / ".optimus" / "pins").touch()
    change(project)
    check_out(str(folder), "", "", ChangeOptions())
    assert (folder / ".optimus" / "pins").exists()


def test_a_commit_that_only_the_folder_has_can_be_gone_back_to(project: Path, folder: Path, git: Git) -> None:
    change(project)
    check_out(str(folder), "", "", ChangeOptions())
    gone = head(folder)
    git("reset", "-q", "--hard", "HEAD~1")
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "-q", "--prune=now")
    check_out(str(folder), "", "", ChangeOptions())
    assert head(folder) != gone
    check_out(str(folder), gone, "", ChangeOptions())
    assert head(folder) == gone


def test_secrets_are_private_and_others_keep_their_values(
    project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPERATOR", VALUES)
    check_out(str(folder), "", "OPERATOR", ChangeOptions())
    path = folder / ".env.secrets"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as file:
        file.write("C=kept\n")
    monkeypatch.setenv("OPERATOR", "A=9")
    check_out(str(folder), "", "OPERATOR", ChangeOptions())
    assert [line for line in path.read_text().splitlines() if line] == ["A=9", "B='two words'", "C=kept"]
    output = capsys.readouterr()
    assert "set A, B in .env.secrets" in output.out
    assert "two words" not in output.out + output.err
    assert "two words" not in "".join(file.read_text() for file in (project / ".optimus" / "journal").glob("*"))


def test_a_failure_brings_everything_back(project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OpsError("the disk is full")

    monkeypatch.setenv("OPERATOR", VALUES)
    with monkeypatch.context() as patch:
        patch.setattr(OperatorSecrets, "write", fail)
        with pytest.raises(OpsError, match="disk is full"):
            check_out(str(folder), "", "OPERATOR", ChangeOptions())
        assert not folder.exists()
    check_out(str(folder), "", "OPERATOR", ChangeOptions())
    first, values = head(folder), (folder / ".env.secrets").read_text()
    change(project)
    monkeypatch.setenv("OPERATOR", "A=2")
    monkeypatch.setattr(OperatorSecrets, "write", fail)
    with pytest.raises(OpsError, match="disk is full"):
        check_out(str(folder), "", "OPERATOR", ChangeOptions())
    assert head(folder) == first
    assert (folder / ".env.secrets").read_text() == values


def test_a_plan_makes_nothing(project: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_out(str(folder), "", "", ChangeOptions(plan=True))
    assert f"check {head(project)[:12]} out in" in capsys.readouterr().out
    assert not folder.exists()


@pytest.mark.parametrize("name", ["nowhere", "-h", "--all", "HEAD^{tree}"])
def test_what_is_no_commit_is_refused(project: Path, folder: Path, name: str) -> None:
    with pytest.raises(Refused, match="no commit"):
        check_out(str(folder), name, "", ChangeOptions())
    assert project.is_dir()
    assert not folder.exists()


def test_what_somebody_changed_by_hand_is_not_lost(project: Path, folder: Path) -> None:
    check_out(str(folder), "", "", ChangeOptions())
    (folder / "CHANGELOG.md").write_text("mine\n")
    change(project)
    with pytest.raises(Refused, match=r"changed by hand: CHANGELOG\.md"):
        check_out(str(folder), "", "", ChangeOptions())
    assert (folder / "CHANGELOG.md").read_text() == "mine\n"


def test_a_folder_of_other_files_is_refused(project: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "precious").touch()
    with pytest.raises(Refused, match="not empty"):
        check_out(str(folder), "", "", ChangeOptions())
    assert project.is_dir()


def test_an_empty_folder_stays_after_an_undo(project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.setenv("OPERATOR", "A=1")
    monkeypatch.setattr(OperatorSecrets, "write", lambda _: (_ for _ in ()).throw(OpsError("no")))
    with pytest.raises(OpsError, match="no"):
        check_out(str(folder), "", "OPERATOR", ChangeOptions())
    assert list(folder.iterdir()) == []
    assert project.is_dir()


@pytest.mark.parametrize(("text", "message"), [(None, "no such variable"), ("hush", "expected KEY=value")])
def test_a_variable_that_is_missing_or_malformed_is_refused(
    project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    if text is not None:
        monkeypatch.setenv("OPERATOR", text)
    with pytest.raises(Refused, match=message) as refused:
        check_out(str(folder), "", "OPERATOR", ChangeOptions())
    assert "hush" not in str(refused.value)
    assert project.is_dir()
    assert not folder.exists()
