"""Workflows run what also runs locally. That they hold no logic and few rights is in `policy.yaml`."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox
import noxfile
import pytest
import yaml
from tests.unit.repository import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((CHECKOUT / ".github" / "actions").glob("*/action.yml"))
RUNNERS = {"invoke", "nox"}
# An action may be used from another repository: its own checkout is beside it.
BOOTSTRAP = {"scripts/bootstrap.py", "$GITHUB_ACTION_PATH/../../../scripts/bootstrap.py"}


def name_of(path: Path) -> str:
    return str(path.relative_to(CHECKOUT / ".github"))


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def steps_of(path: Path) -> Iterator[dict[str, Any]]:
    document = load(path)
    holders = document["jobs"].values() if "jobs" in document else [document["runs"]]
    for holder in holders:
        yield from holder.get("steps", [])


def task_command(line: str) -> list[str]:
    """Return a step's command behind the bootstrap."""
    words = shlex.split(line)
    if words[0] == "python3" and words[1] in BOOTSTRAP:
        words = words[2:]
        return words[1:] if words[0] == "--with-docker" else words
    return words


def nox_sessions() -> dict[str, str]:
    """Return the sessions, and how each is declared."""
    tree = ast.parse((CHECKOUT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    decorators = {node.name: " ".join(map(ast.unparse, node.decorator_list)) for node in functions}
    return {name: found for name, found in decorators.items() if found.startswith("nox.session")}


def named_sessions(command: list[str]) -> list[str]:
    if "-s" not in command:
        return []
    behind = command[command.index("-s") + 1 :]
    return behind[: behind.index("--")] if "--" in behind else behind


def test_nox_alone_runs_everything() -> None:
    declared = nox_sessions()
    default = {name for name, found in declared.items() if "default=False" not in found}
    alone = {name for name in default if "allow_parallel=True" not in declared[name]}
    assert {*(nox.options.sessions or ())} == alone
    assert {*noxfile.TOGETHER} == default - alone == {"lint", "typecheck", "docs", "unit", "e2e", "images"}


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name_of)
def test_each_run_calls_a_task(path: Path) -> None:
    lines = [str(step["run"]) for step in steps_of(path) if "run" in step]
    assert {task_command(line)[0] for line in lines} <= RUNNERS


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_each_nox_session_that_a_workflow_names_exists(path: Path) -> None:
    commands = [task_command(str(step["run"])) for step in steps_of(path) if "run" in step]
    named = {session for command in commands if command[0] == "nox" for session in named_sessions(command)}
    assert named <= nox_sessions().keys()


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name_of)
def test_each_action_is_pinned_to_a_commit_with_its_version(path: Path) -> None:
    used = re.findall(r"^\s*-?\s*uses:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.compile(r"[.$]/\S+|[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
    assert used or "using: composite" in path.read_text(encoding="utf-8")
    assert [use for use in used if not pinned.fullmatch(use.strip())] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_no_pull_request_gets_a_secret_of_an_environment(path: Path) -> None:
    document: dict[Any, Any] = load(path)
    # YAML 1.1 reads `on` as true.
    pull_requests = {"pull_request", "pull_request_target"} & {*document[True]}
    for job in document.get("jobs", {}).values():
        if set(re.findall(r"\$\{\{[^}]*\bsecrets\.(\w+)", str(job))) - {"GITHUB_TOKEN"}:
            assert "environment" in job
            events = re.findall(r"github\.event_name ([!=]=) '(\w+)'", str(job.get("if", "")))
            assert not pull_requests or events
            assert all((sign == "!=") == name.startswith("pull_request") for sign, name in events)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_comment_is_kept_only_where_the_event_has_a_pull_request(path: Path) -> None:
    comments = [step for step in steps_of(path) if "ci.comment" in str(step) or "actions/comment" in str(step)]
    assert [step["if"] for step in comments if "github.event.pull_request.number" not in step["if"]] == []


def gates(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Give the jobs that each gate judges, and which of them it lets be skipped."""
    jobs = load(path)["jobs"]
    for job in jobs.values():
        for step in job.get("steps", []):
            if str(step.get("uses", "")).startswith("re-actors/alls-green@"):
                yield {name: jobs[name] for name in job["needs"]}, str(step["with"].get("allowed-skips", ""))


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_gate_takes_a_skipped_job_only_where_the_plan_or_the_event_says_so(path: Path) -> None:
    for judged, allowed in gates(path):
        skippable = set(re.findall(r"[\w-]+", allowed)) & judged.keys() - {"plan"}
        planned = {name for name, job in judged.items() if "needs.plan.outputs" in str(job.get("if", ""))}
        assert planned <= skippable <= {name for name, job in judged.items() if "if" in job}
        assert not planned or "plan" in judged
        assert [name for name in planned if judged[name]["needs"] != "plan"] == []


def lint_commands() -> set[tuple[str, ...]]:
    """Return the commands of `nox -s lint`, without what only says that nothing is to be changed."""
    tree = ast.parse((CHECKOUT / "noxfile.py").read_text(encoding="utf-8"))
    lint = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "lint")
    calls = [
        node for node in ast.walk(lint) if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("run_")
    ]
    words = [[word.value for word in call.args if isinstance(word, ast.Constant)] for call in calls]
    return {tuple(str(word) for word in command if word != "--check") for command in words}


def test_pre_commit_and_nox_check_the_same() -> None:
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [shlex.split(hook["entry"]) for repo in config["repos"] for hook in repo["hooks"]]
    own = {"--fix", "--force-exclude"}
    commands = {tuple(word.removeprefix(".venv/bin/") for word in entry if word not in own) for entry in entries}
    assert commands == lint_commands() | {("nox", "-s", "typecheck")}
