"""Checks of a release: shown, reported, and an error where one failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from optimus_ops.checks.model import count_verdicts
from optimus_ops.checks.render import check_json, check_table, summary
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.model import Run, Section
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimus_ops.checks.model import Check


def give_verdict(
    title: str, checks: Sequence[Check], *, name: str, report: str, json: bool, facts: Mapping[str, str] | None = None
) -> None:
    """Print the checks, write the report into a folder unless it is "", and raise an error if a check failed.

    Raises:
        MissingPrerequisite: one failed because a prerequisite is missing.
        OpsError: another one failed.
    """
    run = Run(title, summary(checks), facts or {}, (Section("Checks", tuple(checks)),))
    document = {"ok": not count_verdicts(checks)["failed"], **(facts or {}), "checks": _rows(checks)}
    console = Console.standard(json=json)
    if json:
        print_json(document)
    else:
        parts: tuple[RenderableType, ...] = (
            Text(title, "bold"),
            *map(Text, map(": ".join, (facts or {}).items())),
            check_table(checks),
            Text(summary(checks)),
        )
        console.say(render(parts, colour=console.colour, columns=layout_columns(console.stream)).rstrip("\n"))
    leave_report(run, report, name, console)
    failed = [check for check in checks if check.verdict == "failed"]
    if failed:
        names = ", ".join(dict.fromkeys(f"{check.subject} {check.name}" for check in failed))
        error = MissingPrerequisite if any(check.prerequisite for check in failed) else OpsError
        raise error(f"{len(failed)} of {len(checks)} checks failed: {names}", "each line above says what to do")


def _rows(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [check_json(check) for check in checks]
