"""What is checked before a release, on a real repository."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.release.conftest import CHANGELOG, LOCK, PYPROJECT, Git, commit

from optimus_ops.errors import Refused
from optimus_ops.release.checks import release_checks
from optimus_ops.release.observe import observe_release, read_lock

Verdicts = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def verdicts(project: Path) -> Verdicts:
    def of(tag: str = "") -> dict[str, tuple[str, str]]:
        return {check.name: (check.verdict, check.found) for check in release_checks(observe_release(project), tag)}

    return of


def change(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_a_tagged_release_with_nothing_unreleased_is_fine(project: Path, git: Git, verdicts: Verdicts) -> None:
    change(project, "CHANGELOG.md", CHANGELOG[CHANGELOG.index("### Added") : CHANGELOG.index("## [1.2.0]")], "")
    commit(project)
    git("tag", "-a", "v1.2.0", "-m", "release")
    found = verdicts("v1.2.0")
    assert {verdict for verdict, _ in found.values()} == {"ok"}
    assert list(found) == ["tag", "order", "version", "changelog", "working tree", "branch", "requirements/dev.txt"]


def test_a_tag_of_another_version_fails(git: Git, verdicts: Verdicts) -> None:
    git("tag", "v1.3.0")
    assert verdicts("v1.3.0")["tag"] == ("failed", "v1.3.0, and pyproject.toml says 1.2.0")


def test_a_tag_that_is_not_there_fails_where_it_is_released(verdicts: Verdicts) -> None:
    assert verdicts()["tag"][0] == "ok"
    assert verdicts("v1.2.0")["tag"] == ("failed", "no tag v1.2.0 yet")


def test_a_tag_of_another_commit_fails(project: Path, git: Git, verdicts: Verdicts) -> None:
    git("tag", "v1.2.0")
    change(project, "src/greetings/latin.txt", "salve", "ave")
    commit(project)
    assert verdicts()["tag"][0] == "failed"


def test_an_older_version_of_the_same_major_fails_and_a_fix_of_an_older_major_does_not(
    git: Git, verdicts: Verdicts
) -> None:
    git("tag", "v2.0.0")
    assert verdicts()["order"][0] == "ok"
    git("tag", "v1.10.0")
    assert verdicts()["order"] == ("failed", "1.10.0 is released, and 1.2.0 is older")


def test_another_version_in_another_file_fails(project: Path, verdicts: Verdicts) -> None:
    change(project, "plugin/pyproject.toml", "1.2.0", "1.1.0")
    assert verdicts()["version"] == ("failed", "1.2.0, and plugin/pyproject.toml: 1.1.0")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("## [1.2.0] - 2026-01-31", "## [1.1.0] - 2026-01-31", "has no section"),
        ("## [1.2.0] - 2026-01-31", "## [1.2.0]", "has no date"),
        ("- A greeting.\n", "### Added\n", "has nothing in"),
    ],
)
def test_a_changelog_without_the_version_fails(
    project: Path, verdicts: Verdicts, old: str, new: str, found: str
) -> None:
    change(project, "CHANGELOG.md", old, new)
    verdict, text = verdicts()["changelog"]
    assert verdict == "failed"
    assert found in text


def test_changes_that_are_still_unreleased_are_a_warning(verdicts: Verdicts) -> None:
    assert verdicts()["unreleased"][0] == "warning"


def test_a_missing_changelog_fails(project: Path, verdicts: Verdicts) -> None:
    (project / "CHANGELOG.md").unlink()
    assert verdicts()["changelog"][0] == "failed"


def test_uncommitted_files_fail(project: Path, verdicts: Verdicts) -> None:
    (project / "new.txt").touch()
    assert verdicts()["working tree"] == ("failed", "1 uncommitted file")


def test_a_commit_that_is_not_on_main_fails(project: Path, git: Git, verdicts: Verdicts) -> None:
    git("switch", "-q", "-c", "feature")
    assert verdicts()["branch"][0] == "ok"
    (project / "new.txt").touch()
    commit(project)
    assert verdicts()["branch"][0] == "failed"


def test_without_a_main_branch_the_check_fails(git: Git, verdicts: Verdicts) -> None:
    git("branch", "-q", "-m", "trunk")
    assert verdicts()["branch"][1] == "there is no main branch here"


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        (LOCK.replace("15.0.0", "13.0.0"), "Rich>=14 is not met by 13.0.0"),
        (LOCK[LOCK.index("rich") :], "packaging is not met by nothing"),
        (LOCK.replace(" \\\n    --hash=sha256:aa", ""), "packaging has no hash"),
        (LOCK.replace("==26.3", ">=26.3"), "packaging is not met by nothing; packaging has no hash"),
    ],
)
def test_a_lock_that_does_not_hold_fails(project: Path, verdicts: Verdicts, lock: str, found: str) -> None:
    (project / "requirements" / "dev.txt").write_text(lock)
    assert verdicts()["requirements/dev.txt"] == ("failed", found)


def test_without_a_lock_there_is_a_warning(project: Path, verdicts: Verdicts) -> None:
    (project / "requirements" / "dev.txt").unlink()
    assert verdicts()["locks"][0] == "warning"


def test_a_line_that_is_no_requirement_is_refused_by_name() -> None:
    with pytest.raises(Refused, match=r"dev\.txt: what is this"):
        read_lock("what is this\n", "dev.txt")


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    with pytest.raises(Refused, match="no git checkout"):
        observe_release(tmp_path)
