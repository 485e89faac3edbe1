"""Wheel and sdist: built twice from clean clones, and what is in them."""

import json
from pathlib import Path

import pytest
from tests.unit.release.conftest import commit

from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError, Refused
from optimus_ops.release.build import distributions, keep
from optimus_ops.release.distribution import Distribution, distribution_checks, reproducible
from optimus_ops.release.execute import build, notes, try_distributions
from optimus_ops.release.settings import read_settings

METADATA = b"Metadata-Version: 2.4\nName: greetings\nVersion: 1.2.0\n"
TRACKED = {"src/greetings/__init__.py": b"", "src/greetings/latin.txt": b"salve\n", "pyproject.toml": b"[project]"}


def wheel(files: dict[str, bytes], metadata: bytes = METADATA) -> Distribution:
    return Distribution("greetings-1.2.0-py3-none-any.whl", True, files, metadata)


def verdicts(project: Path, made: Distribution) -> dict[str, Check]:
    return {check.name: check for check in distribution_checks(made, read_settings(project), TRACKED)}


WHOLE = {
    "greetings/__init__.py": b"",
    "greetings/latin.txt": b"salve\n",
    "greetings-1.2.0.dist-info/METADATA": METADATA,
}


def test_a_build_makes_a_wheel_and_an_sdist_of_the_last_commit(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "src" / "greetings" / "latin.txt").write_text("not committed\n")
    build("dist", report="reports", json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    assert [path.name for path in distributions(project / "dist")] == [
        "greetings-1.2.0-py3-none-any.whl",
        "greetings-1.2.0.tar.gz",
    ]
    made = Distribution.read(next((project / "dist").glob("*.whl")))
    assert made.files["greetings/latin.txt"] == b"salve\n"
    assert (project / "reports" / "release-build.md").is_file()


def test_a_build_that_differs_each_time_is_not_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hook = "import uuid\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\n\n"
    hook += "class Hook(BuildHookInterface):\n    def initialize(self, version, build_data):\n"
    hook += "        build_data['force_include_editable'] = {}\n"
    hook += "        open(self.root + '/src/greetings/id.txt', 'w').write(uuid.uuid4().hex)\n"
    (project / "hatch_build.py").write_text(hook)
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.hatch.build.targets.wheel.hooks.custom]\npath = "hatch_build.py"\n')
    commit(project)
    with pytest.raises(OpsError, match="wheel reproducible, wheel nothing else in it"):
        build("dist", report="", json=False)
    assert "a second build differs" in capsys.readouterr().out
    assert not (project / "dist").exists()


def test_a_build_that_fails_says_why(project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace('license = "Apache-2.0"', 'readme = "nowhere.md"'))
    commit(project)
    with pytest.raises(OpsError, match=r"(?s)the build failed.*nowhere\.md"):
        build("dist", report="", json=False)


def test_a_wheel_without_a_package_is_not_whole(project: Path) -> None:
    found = verdicts(project, wheel({"greetings-1.2.0.dist-info/METADATA": METADATA}))["complete"]
    assert (found.verdict, found.found) == ("failed", "there is no package in it")


def test_nothing_is_missing_and_nothing_foreign(project: Path) -> None:
    assert {check.verdict for check in verdicts(project, wheel(WHOLE)).values()} == {"ok"}


def test_a_file_that_is_not_of_the_commit_is_foreign(project: Path) -> None:
    found = verdicts(project, wheel({**WHOLE, "greetings/.env.secrets": b"KEY=1"}))["nothing else in it"]
    assert (found.verdict, found.found) == ("failed", "not in the commit: greetings/.env.secrets")


def test_a_file_of_the_package_that_is_left_out_is_missing(project: Path) -> None:
    files = {name: data for name, data in WHOLE.items() if "latin" not in name}
    found = verdicts(project, wheel(files))["complete"]
    assert (found.verdict, found.found) == ("failed", "missing: src/greetings/latin.txt")


def test_an_sdist_has_what_the_build_needs(project: Path) -> None:
    files = {"PKG-INFO": METADATA, "src/greetings/__init__.py": b""}
    found = verdicts(project, Distribution("greetings-1.2.0.tar.gz", False, files, METADATA))["complete"]
    assert found.found == "missing: pyproject.toml, src/greetings/latin.txt"


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (METADATA.replace(b"1.2.0", b"1.2.1"), "greetings 1.2.1, and pyproject.toml says greetings 1.2.0"),
        (METADATA.replace(b"Name: greetings\n", b""), "name"),
        (METADATA + b"License-Expression: whatever\n", "license"),
    ],
)
def test_metadata_that_an_index_would_refuse_fails(project: Path, metadata: bytes, found: str) -> None:
    check = verdicts(project, wheel(WHOLE, metadata))["metadata"]
    assert check.verdict == "failed"
    assert found in check.found


def test_links_that_lead_nowhere_on_an_index_are_a_warning(project: Path) -> None:
    text = b"Description-Content-Type: text/markdown\n\n[a](docs/a.md) [b](https://example.org) [c](#here)\n"
    check = verdicts(project, wheel(WHOLE, METADATA + text))["description"]
    assert (check.verdict, check.found.rpartition(": ")[2]) == ("warning", "docs/a.md")


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    for name in ("a-1.0.0-py3-none-any.whl", "a-1.0.0.tar.gz"):
        (tmp_path / name).write_bytes(b"no archive")
        with pytest.raises(OpsError, match="can't be read"):
            Distribution.read(tmp_path / name)


def test_a_file_that_a_second_build_lacks_is_not_reproducible() -> None:
    assert [check.verdict for check in reproducible({"a.whl": "1", "a.tar.gz": "2"}, {"a.whl": "1"})] == [
        "ok",
        "failed",
    ]


def test_older_distributions_make_room_and_other_files_are_refused(tmp_path: Path) -> None:
    built, target = tmp_path / "built", tmp_path / "dist"
    for path in (built / "a-2.0.0.tar.gz", target / "a-1.0.0.tar.gz"):
        path.parent.mkdir()
        path.touch()
    assert keep(built, target) == (target / "a-2.0.0.tar.gz",)
    assert [path.name for path in target.iterdir()] == ["a-2.0.0.tar.gz"]
    (target / "notes.txt").touch()
    with pytest.raises(Refused, match=r"notes\.txt"):
        keep(built, target)


def test_notes_are_printed_as_they_are(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes("", json=False)
    assert capsys.readouterr().out == "- A greeting.\n"
    notes("v1.2.0", json=True)
    assert json.loads(capsys.readouterr().out) == {"version": "1.2.0", "notes": "- A greeting.\n"}
    with pytest.raises(Refused, match=r"no section 9\.0\.0"):
        notes("v9.0.0", json=False)
    with pytest.raises(Refused, match=r"as v1\.2\.0"):
        notes("latest", json=True)
    assert project.is_dir()


def test_nothing_to_try_is_refused(project: Path) -> None:
    with pytest.raises(Refused, match=r"invoke release\.build"):
        try_distributions("dist", report="", json=False)
    assert project.is_dir()
