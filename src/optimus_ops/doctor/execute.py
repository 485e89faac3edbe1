"""`invoke doctor`: checks of the host, the stack and the checkout, with what to do about each failure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.text import Text

from optimus_ops.checks.model import Check, Verdict, count_verdicts
from optimus_ops.checks.render import check_list
from optimus_ops.doctor.run_checks import run_checks
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import render

JSON_VERDICTS: Mapping[Verdict, str] = {"warning": "warn", "failed": "fail"}
"""Verdicts that have another word in the document."""


def doctor(*, json: bool, root: Path | None = None) -> None:
    """Check everything and print the verdicts, for people or as one JSON document.

    Raises:
        MissingPrerequisite: a check failed because a prerequisite is missing.
        OpsError: another check failed.
        Refused: the project's settings are malformed.
    """
    project = load_project(root)
    with Console.for_stream(sys.stderr).step("checking the host and the checkout") as progress:
        checks = tuple(run_checks(project, progress))
    if json:
        ok = all(check.verdict != "failed" for check in checks)
        print_json({"ok": ok, "checks": [check_json(check) for check in checks]})
    else:
        console = Console.standard()
        console.stream.write(report(checks, colour=console.colour, columns=layout_columns(sys.stdout)))
    raise_failed(checks)


def raise_failed(checks: Sequence[Check]) -> None:
    """Raise an error if a check failed: exit code 3 where a prerequisite is missing, else 1."""
    failed = [check for check in checks if check.verdict == "failed"]
    if failed:
        error = MissingPrerequisite if any(check.prerequisite for check in failed) else OpsError
        raise error(f"doctor: {', '.join(check.name for check in failed)}", "each line above says what to do")


def report(checks: Sequence[Check], *, colour: bool, columns: int) -> str:
    """Return the verdicts for people, and their numbers."""
    count = count_verdicts(checks)
    numbers = f"{len(checks)} checks: {count['ok']} ok, {count['warning']} to look at, {count['failed']} failed"
    return render([check_list(checks), Text(numbers)], colour=colour, columns=columns)


def check_json(check: Check) -> dict[str, object]:
    """Return a check as a JSON object."""
    return {
        "name": check.name,
        "verdict": JSON_VERDICTS.get(check.verdict, check.verdict),
        "found": check.found,
        "hint": check.hint,
        "lacks": check.prerequisite,
    }
