"""`invoke ci.affected`: prints what a change needs, for people, for programs, and for a workflow's later jobs."""

from __future__ import annotations

import json as json_text
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.ci.affected import affected, everything, read_rules
from optimus_ops.ci.git_changes import Changes, NoCommonHistory, changes_since
from optimus_ops.ci.import_graph import import_graph
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.reports.annotations import annotation
from optimus_ops.reports.model import Finding
from optimus_ops.reports.step_outputs import write_outputs
from optimus_ops.text.console import Console, print_json

if TYPE_CHECKING:
    from optimus_ops.ci.affected import Affected, Rules


def show_affected(base: str, *, json: bool) -> None:
    """Print what the change since a base needs; in a workflow, write it to the step's outputs as well.

    Raises:
        Refused: the base or the settings can't be used.
    """
    found, changes = _of_request(load_project().root, base)
    document = affected_json(found, changes)
    _write_outputs(found)
    if json:
        print_json(document)
        return
    console = Console.standard()
    console.say(f"{len(changes.names)} files changed since {changes.base[:12]}" if changes.names else "nothing changed")
    for session, tests in found.sessions.items():
        selection = f"{len(tests)} test files" if tests else "all"
        console.say(f"  {session}: {selection} ({found.reasons[session]})")
    for image in found.images:
        console.say(f"  image {image} ({found.reasons[image]})")


def _of_request(root: Path, base: str) -> tuple[Affected, Changes]:
    """Compare with the base; a workflow whose own base can't be compared with is in doubt, and runs everything."""
    try:
        return find_affected(root, base or default_base())
    except NoCommonHistory as error:
        if base or not os.environ.get("GITHUB_ACTIONS"):
            raise
        # Standard output is for the document.
        print(annotation(Finding("affected", "warning", f"everything runs: {error.message}")), file=sys.stderr)
        return everything(project_rules(root), error.message), changes_since(root, "HEAD")


def find_affected(root: Path, base: str) -> tuple[Affected, Changes]:
    """Return what the change of a checkout since a base needs, and the change."""
    rules = project_rules(root)
    changes = changes_since(root, base)
    if not changes.names and base == "HEAD":
        return everything(rules, "there is nothing to compare with"), changes
    python = [name for name in changes.files if name.endswith(".py")]
    sources = {name: (root / name).read_bytes().decode(errors="replace") for name in python}
    graph = import_graph(sources, [name for name in changes.names if name not in changes.files])
    return affected(changes.names, rules, graph, changes.files), changes


def default_base() -> str:
    """Return what a change is compared with: a pull request's base; on a main branch nothing, so that all runs."""
    if base := os.environ.get("GITHUB_BASE_REF"):
        return f"origin/{base}"
    return "HEAD" if os.environ.get("GITHUB_ACTIONS") else "main"


def project_rules(root: Path) -> Rules:
    """Read the rules of a project.

    Raises:
        Refused: there are none, or they are malformed.
    """
    try:
        settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"pyproject.toml can't be read: {error}") from error
    table = settings.get("tool", {}).get("optimus-ops", {}).get("affected")
    if not isinstance(table, dict):
        raise Refused("the project has no rules for ci.affected", "[tool.optimus-ops.affected] in pyproject.toml")
    return read_rules(table)


def affected_json(found: Affected, changes: Changes) -> dict[str, Any]:
    """Return the result as a JSON object."""
    return {
        "base": changes.base,
        "changed": list(changes.names),
        "full": found.full,
        "sessions": {session: list(tests) for session, tests in found.sessions.items()},
        "images": list(found.images),
        "reasons": dict(found.reasons),
    }


def _write_outputs(found: Affected) -> None:
    """Write `full`, `sessions`, `plan`, `images` and `tests_SESSION` as outputs of a workflow's step."""
    write_outputs(
        {
            "full": str(found.full).lower(),
            "sessions": json_text.dumps(list(found.sessions)),
            "plan": json_text.dumps({session: list(tests) for session, tests in found.sessions.items()}),
            "images": json_text.dumps(list(found.images)),
            **{f"tests_{session}": " ".join(tests) for session, tests in found.sessions.items()},
        }
    )
