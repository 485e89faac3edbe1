"""`invoke release.prepare`: what is written, what is refused, what is put back."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.version import Version
from tests.unit.release.conftest import CHANGELOG, PYPROJECT, Git, commit

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.release import prepare as module
from optimus_ops.release.observe import observe_release
from optimus_ops.release.prepare import plan_prepare, prepare
from optimus_ops.release.steps import DateChangelog, SetVersion


def texts(project: Path) -> dict[str, str]:
    names = ("pyproject.toml", "plugin/pyproject.toml", "CHANGELOG.md")
    return {name: (project / name).read_text("utf-8") for name in names}


def test_the_version_is_set_everywhere_and_the_changelog_dated(project: Path) -> None:
    prepare("", "minor", ChangeOptions())
    written = texts(project)
    assert written["pyproject.toml"] == PYPROJECT.replace('"1.2.0"', '"1.3.0"')
    assert 'version = "1.3.0"' in written["plugin/pyproject.toml"]
    assert f"## [Unreleased]\n\n## [1.3.0] - {datetime.now(UTC).date()}\n" in written["CHANGELOG.md"]
    assert set(observe_release(project).versions.values()) == {"1.3.0"}


def test_a_second_time_there_is_nothing_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare("1.3.0", "", ChangeOptions())
    commit(project)
    written = texts(project)
    capsys.readouterr()
    prepare("1.3.0", "", ChangeOptions())
    assert texts(project) == written
    assert "nothing to do" in capsys.readouterr().out


def test_a_plan_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = texts(project)
    prepare("2.0.0", "", ChangeOptions(plan=True))
    assert texts(project) == before
    output = capsys.readouterr().out
    assert "1. set the version in pyproject.toml" in output
    assert "(1.2.0 there, 2.0.0 wanted)" in output
    assert not (project / ".optimus" / "journal").exists()


def test_a_first_release_keeps_the_version_that_is_there(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("## [Unreleased]\n\n- Begun.\n")
    plan = plan_prepare(observe_release(project), Version("1.2.0"))
    assert [type(step) for step in plan.steps] == [DateChangelog]


def test_a_failure_puts_everything_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OpsError("the disk is full")

    before = texts(project)
    monkeypatch.setattr(module, "with_release", fail)
    with pytest.raises(OpsError, match="the disk is full"):
        prepare("1.3.0", "", ChangeOptions())
    assert texts(project) == before


@pytest.mark.parametrize(
    ("version", "bump", "message"),
    [
        ("", "", "which version"),
        ("1.3.0", "minor", "which version"),
        ("1.1.9", "", "older than 1.2.0"),
        ("1.3", "", "three numbers"),
        ("", "tiny", "major, minor, patch"),
    ],
)
def test_other_requests_are_refused(project: Path, version: str, bump: str, message: str) -> None:
    before = texts(project)
    with pytest.raises(Refused, match=message):
        prepare(version, bump, ChangeOptions())
    assert texts(project) == before


def test_a_released_version_is_refused(git: Git) -> None:
    git("tag", "v1.3.0")
    with pytest.raises(Refused, match=r"a tag v1\.3\.0 already"):
        prepare("1.3.0", "", ChangeOptions())
    with pytest.raises(Refused, match=r"older than 1\.3\.0"):
        prepare("1.2.5", "", ChangeOptions())


def test_a_fix_of_an_older_major_version_is_not_refused(project: Path, git: Git) -> None:
    git("tag", "v2.0.0")
    assert [type(step) for step in plan_prepare(observe_release(project), Version("1.2.1")).steps] == [
        SetVersion,
        SetVersion,
        DateChangelog,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## [Unreleased]\n\n## 1.2.0\n\n- a\n", "nothing under"),
        (CHANGELOG.replace("[1.2.0] - 2026", "[1.3.0] - x2026"), "empty or has no date"),
    ],
)
def test_a_changelog_with_nothing_to_release_is_refused(project: Path, text: str, message: str) -> None:
    (project / "CHANGELOG.md").write_text(text)
    before = texts(project)
    with pytest.raises(Refused, match=message):
        prepare("1.3.0", "", ChangeOptions())
    assert texts(project) == before


def test_without_a_changelog_nothing_is_prepared(project: Path) -> None:
    (project / "CHANGELOG.md").unlink()
    with pytest.raises(Refused, match=r"no CHANGELOG\.md"):
        prepare("1.3.0", "", ChangeOptions())
