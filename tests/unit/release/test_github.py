"""The release on GitHub and the tags of actions: what is made, what a second run does, what a failure leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version
from tests.unit.release.github_server import GitHub, serving

from optimus_ops.change.options import ChangeOptions
from optimus_ops.errors import OpsError, Refused
from optimus_ops.release.action_tags import ObservedTags, plan_tag, tag_actions
from optimus_ops.release.github_release import publish

WHEEL, SDIST = "greetings-1.2.0-py3-none-any.whl", "greetings-1.2.0.tar.gz"


@pytest.fixture
def github(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    (project / "dist").mkdir()
    (project / "dist" / WHEEL).write_bytes(b"wheel")
    (project / "dist" / SDIST).write_bytes(b"sdist")
    with (project / "pyproject.toml").open("a") as file:
        file.write("actions = true\n")
    with serving(GitHub(tags={"v1.2.0": "c120", "v1": "c110", "v1.1.0": "c110"})) as state:
        monkeypatch.setenv("GITHUB_API_URL", state.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
        monkeypatch.setenv("GITHUB_TOKEN", "hush")
        yield state


def test_a_release_has_notes_and_files_and_is_published_last(github: GitHub) -> None:
    publish("dist", ChangeOptions())
    [made] = github.releases
    assert (made["tag_name"], made["body"], made["draft"], made["prerelease"]) == (
        "v1.2.0",
        "- A greeting.\n",
        False,
        False,
    )
    assert [(asset["name"], asset["size"]) for asset in made["assets"]] == [(WHEEL, 5), (SDIST, 5)]
    assert github.writes()[-1] == ("PATCH", "/releases/1")
    assert github.tokens == {"Bearer hush"}


def test_a_second_run_changes_nothing(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    publish("dist", ChangeOptions())
    before = json.dumps(github.releases)
    github.calls.clear()
    capsys.readouterr()
    publish("dist", ChangeOptions())
    assert github.writes() == []
    assert json.dumps(github.releases) == before
    assert "nothing to do" in capsys.readouterr().out


def test_a_run_goes_on_where_another_one_was_cut_off(github: GitHub, project: Path) -> None:
    (project / "dist" / SDIST).rename(project / SDIST)
    github.refused[("PATCH", "/releases/1")] = 500
    github.refused[("DELETE", "")] = 500
    with pytest.raises(OpsError, match="GitHub answers 500"):
        publish("dist", ChangeOptions())
    assert [asset["name"] for asset in github.releases[0]["assets"]] == [WHEEL]
    github.refused.clear()
    (project / SDIST).rename(project / "dist" / SDIST)
    publish("dist", ChangeOptions())
    [made] = github.releases
    assert [asset["name"] for asset in made["assets"]] == [WHEEL, SDIST]
    assert not made["draft"]


def test_a_failure_takes_the_draft_away(github: GitHub) -> None:
    github.refused[("PATCH", "/releases/1")] = 502
    with pytest.raises(OpsError, match="502"):
        publish("dist", ChangeOptions())
    assert github.releases == []


def test_a_file_with_another_content_is_refused(github: GitHub, project: Path) -> None:
    publish("dist", ChangeOptions())
    (project / "dist" / WHEEL).write_bytes(b"whale")
    with pytest.raises(Refused, match=f"another {WHEEL}"):
        publish("dist", ChangeOptions())
    assert github.releases[0]["assets"][0]["size"] == 5


def test_a_plan_only_reads(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    publish("dist", ChangeOptions(plan=True))
    tag_actions(ChangeOptions(plan=True))
    assert github.writes() == []
    output = capsys.readouterr().out
    assert f"upload {WHEEL}" in output
    assert "point v1 at c120" in output


def test_a_token_without_the_right_is_told_which(github: GitHub) -> None:
    github.refused[("POST", "/releases")] = 403
    with pytest.raises(OpsError, match="contents: write"):
        publish("dist", ChangeOptions())


def test_a_tag_that_is_not_pushed_is_refused(github: GitHub) -> None:
    del github.tags["v1.2.0"]
    with pytest.raises(Refused, match=r"git push origin v1\.2\.0"):
        publish("dist", ChangeOptions())
    with pytest.raises(Refused, match=r"git push origin v1\.2\.0"):
        tag_actions(ChangeOptions())


def test_files_of_another_version_are_refused(github: GitHub, project: Path) -> None:
    (project / "dist" / "greetings-1.1.0.tar.gz").touch()
    with pytest.raises(Refused, match=r"another version than 1\.2\.0: greetings-1\.1\.0"):
        publish("dist", ChangeOptions())
    assert github.calls == []


def test_nothing_built_is_refused(github: GitHub) -> None:
    with pytest.raises(Refused, match=r"invoke release\.build"):
        publish("build", ChangeOptions())
    assert github.calls == []


def test_outside_of_a_workflow_the_repository_is_asked_for(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    with pytest.raises(Refused, match="which repository"):
        publish("dist", ChangeOptions())
    assert github.calls == []


def test_the_major_tag_follows(github: GitHub) -> None:
    tag_actions(ChangeOptions())
    assert github.tags["v1"] == "c120"
    github.calls.clear()
    tag_actions(ChangeOptions())
    assert github.writes() == []


def test_the_major_tag_is_made_where_there_is_none(github: GitHub) -> None:
    del github.tags["v1"]
    tag_actions(ChangeOptions())
    assert github.tags["v1"] == "c120"


@pytest.mark.parametrize(
    ("version", "tags", "moves"),
    [
        ("1.2.0", ("v1.2.0", "v1.1.0"), True),
        ("1.2.0", ("v1.2.0", "v1.3.0"), False),
        ("1.2.0", ("v1.2.0", "v2.0.0"), True),
        ("1.2.0", ("v1.2.0", "v1.3.0rc1"), True),
        ("1.2.0", ("v1.2.0", "v1.2.1", "v1.3.0rc1"), False),
        ("1.2.0rc1", ("v1.2.0rc1",), False),
    ],
)
def test_the_major_tag_stands_for_the_newest_version(version: str, tags: tuple[str, ...], moves: bool) -> None:
    plan = plan_tag(ObservedTags(tags, "new", "old"), Version(version))
    assert bool(plan) is moves
    assert bool(plan.notes) is not moves


def test_a_project_without_actions_has_no_such_tag(github: GitHub, project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("actions = true", ""))
    with pytest.raises(Refused, match="has no actions"):
        tag_actions(ChangeOptions())
    assert github.calls == []
