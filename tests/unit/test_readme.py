"""The README is true: every task is in its table, every command in it exists, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import noxfile
import pytest
from invoke.parser import Parser

from optimus_ops.commandline.positional_services import with_flags
from optimus_ops.tasks.root import contexts_of, make_namespace

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"[A-Z_]+=")
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = re.findall(r"^\$ (.+)$", README, flags=re.MULTILINE)


def without_bootstrap(command: str) -> list[str]:
    words = shlex.split(command)
    if words[:2] == ["python3", "scripts/bootstrap.py"]:
        words = [word for word in words[2:] if word != "--with-docker"]
    return [word for number, word in enumerate(words) if number or not VARIABLE.match(word)]


def test_every_task_is_in_the_table() -> None:
    table = README.partition("## Tasks")[2].partition("| exit code")[0]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`([a-z.-]+)`", row)}
    assert named == set(make_namespace(ROOT).task_names)


def test_every_session_is_in_the_table() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"^\| `nox -s (\w+)`", contributing, flags=re.MULTILINE))
    assert named == {name for name, value in vars(noxfile).items() if type(value).__name__ == "Func"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if "invoke" in command])
def test_every_invoke_command_parses(command: str) -> None:
    words = without_bootstrap(command)
    namespace = make_namespace(ROOT)
    flagged = with_flags(words[1:], contexts_of(namespace))
    parsed = Parser(contexts=namespace.to_contexts()).parse_argv(flagged)
    assert words[0] == "invoke"
    assert parsed[0].name == words[1]


def test_the_test_command_is_what_ci_runs() -> None:
    [command] = [command for command in COMMANDS if command.endswith(" nox")]
    assert command in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {(ROOT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#:]+)\)", index)}
    assert set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs" / "index.md"} <= linked
