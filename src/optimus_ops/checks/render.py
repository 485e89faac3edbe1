"""Checks for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from optimus_ops.checks.model import VERDICTS, Check, Verdict, count_verdicts
from optimus_ops.text.table import make_table, render

STYLES: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "failed": "red", "not allowed": "cyan"}
SIGNS: dict[Verdict, str] = {"ok": "✓", "warning": "!", "failed": "✗", "not allowed": "?"}


def check_table(checks: Iterable[Check]) -> Table:
    """Return checks of several subjects: a row for each, and below what was found what to do."""
    rows = []
    subject = ""
    for check in checks:
        verdict = Text(check.verdict, STYLES[check.verdict])
        rows.append(("" if check.subject == subject else check.subject, check.name, verdict, _found(check)))
        subject = check.subject
    return make_table(("WHERE", "CHECK", "VERDICT", "FOUND"), rows, folded=("FOUND",))


def check_list(checks: Iterable[Check]) -> Table:
    """Return checks of one subject: a sign and the name, and beside them what was found and what to do."""
    rows = [
        (Text.assemble((SIGNS[check.verdict], STYLES[check.verdict]), f" {check.name}"), _found(check))
        for check in checks
    ]
    return make_table(("CHECK", "FOUND"), rows, folded=("FOUND",), show_header=False)


def _found(check: Check) -> Text:
    return Text.assemble(check.found, (f"\n→ {check.hint}" if check.hint else "", "dim"))


def summary(checks: Sequence[Check]) -> str:
    """Return the numbers of verdicts: "2 checks: 1 ok, 0 warning, 1 failed, 0 not allowed"."""
    count = count_verdicts(checks)
    numbers = ", ".join(f"{count[verdict]} {verdict}" for verdict in VERDICTS)
    return f"{len(checks)} check{'s' * (len(checks) != 1)}: {numbers}"


def checks_text(checks: Sequence[Check], headline: str, notes: Iterable[str], *, colour: bool, columns: int) -> str:
    """Return a table of checks, and below it their sum and what else is to be said."""
    parts: tuple[RenderableType, ...] = (check_table(checks), Text(headline), *map(Text, notes))
    return render(parts, colour=colour, columns=columns)


def check_json(check: Check) -> dict[str, Any]:
    """Return a check as a JSON object; the exit code says whether a prerequisite is missing."""
    document = asdict(check)
    del document["prerequisite"]
    return document
