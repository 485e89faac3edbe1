"""Trying a distribution: what is installed is what runs, in an environment that has nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.unit.release.conftest import commit

from optimus_ops.errors import OpsError, Refused
from optimus_ops.release.execute import build, try_distributions
from optimus_ops.release.try_install import environment

TRIALS = """
[project.scripts]
greet = "greetings:main"

[tool.optimus-ops.release]
try-in = "example"
try = [%s]
"""
MAIN = """\
import pathlib, sys


def main():
    here = pathlib.Path(__file__).parent
    print((here / "latin.txt").read_text(), pathlib.Path("who").read_text(), *sys.argv[1:])
    print(here)
    return int("fail" in sys.argv)
"""


def with_trials(project: Path, *commands: str) -> None:
    """Have a wheel without dependencies in dist, and trial commands."""
    to_be_tried(project, *commands)
    (project / "src" / "greetings" / "__init__.py").write_text(MAIN)
    (project / "example").mkdir()
    (project / "example" / "who").write_text("world")
    commit(project)
    build("dist", report="", json=True)
    # An sdist is built by pip with what an index has.
    next((project / "dist").glob("*.tar.gz")).unlink()


def to_be_tried(project: Path, *commands: str) -> None:
    """Have trial commands in the folder `example`."""
    path = project / "pyproject.toml"
    text = path.read_text().replace('dependencies = ["Rich>=14", "packaging"]\n', "")
    path.write_text(text[: text.index("[tool.optimus-ops")] + TRIALS % ", ".join(map(json.dumps, commands)))


def with_no_wheel(project: Path) -> None:
    """Have something in dist that is called a wheel."""
    (project / "dist").mkdir()
    (project / "dist" / "greetings-1.2.0-py3-none-any.whl").write_bytes(b"no archive")


def tried(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    document = json.loads(capsys.readouterr().out)
    return {check["name"]: (check["verdict"], check["found"]) for check in document["checks"]}


def test_what_is_installed_is_what_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_trials(project, "greet --place {checkout}", "greet fail", "nothing --list")
    capsys.readouterr()
    with pytest.raises(OpsError, match="wheel greet fail, wheel nothing --list"):
        try_distributions("dist", report="reports", json=True)
    found = tried(capsys)
    assert found["install"] == ("ok", "No broken requirements found.")
    assert found["greet --place {checkout}"][0] == "ok"
    assert found["greet fail"][1].startswith("exit code 1: ")
    assert "site-packages" in found["greet fail"][1]
    assert found["nothing --list"] == ("failed", "the distribution installs no program nothing")
    assert (project / "reports" / "release-try.html").is_file()


def test_what_can_not_be_installed_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_no_wheel(project)
    with pytest.raises(OpsError, match="wheel install"):
        try_distributions("dist", report="", json=True)
    assert tried(capsys)["install"][0] == "failed"


def test_a_folder_that_is_missing_is_refused(project: Path) -> None:
    to_be_tried(project)
    with_no_wheel(project)
    with pytest.raises(Refused, match="no folder example"):
        try_distributions("dist", report="", json=False)


def test_nothing_of_this_checkout_comes_along() -> None:
    here = str(Path(sys.executable).parent)
    given = {
        "PATH": f"{here}:/usr/bin",
        "PYTHONPATH": "src",
        "OPTIMUS_ROOT": "/x",
        "COMPOSE_FILE": "a",
        "HOME": "/root",
    }
    assert environment(Path("/env/bin"), given) == {"PATH": "/env/bin:/usr/bin", "HOME": "/root"}
