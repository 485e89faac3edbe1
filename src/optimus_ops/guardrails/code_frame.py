"""Lines of a file with carets below what is meant."""

from __future__ import annotations

from collections.abc import Sequence

from optimus_ops.guardrails.model import Match
from optimus_ops.text.escapes import safe_to_show

AROUND = 1
MOST_COLUMNS = 160


def code_frame(match: Match, lines: Sequence[str]) -> str:
    """Return the line of a match between its neighbours, and carets below it; "" where the line is unknown."""
    line = match.place.line
    if not 0 < line <= len(lines):
        return ""
    shown = range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
    width = len(str(shown[-1]))
    rows: list[str] = []
    for number in shown:
        text = _shown(lines[number - 1])
        rows.append(f"{'>' if number == line else ' '} {number:>{width}} | {text}".rstrip())
        if number == line and match.place.column:
            rows.append(f"  {'':>{width}} | {_carets(lines[line - 1], match.place.column, match.end)}")
    return "\n".join(rows)


def _shown(text: str) -> str:
    plain = safe_to_show(text.replace("\t", "    "))
    return plain if len(plain) <= MOST_COLUMNS else f"{plain[: MOST_COLUMNS - 1]}…"


def _carets(text: str, column: int, end: int) -> str:
    """Return blanks and carets: wide characters take two places, a tab four."""
    from rich.cells import cell_len  # noqa: PLC0415 - most changes break no rule

    last = min(end - 1 if end else len(text), MOST_COLUMNS)
    before = cell_len(_shown(text[: column - 1]))
    return " " * min(before, MOST_COLUMNS) + "^" * max(1, cell_len(_shown(text[column - 1 : last])))
