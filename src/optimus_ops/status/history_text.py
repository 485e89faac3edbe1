"""Changes as text: a table of them, and one with its steps. Notes hold the output of containers, so all is cleaned."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.text import Text

from optimus_ops.change.history import Change, Outcome, Result, StepRecord
from optimus_ops.text.console import Console
from optimus_ops.text.escapes import safe_to_show
from optimus_ops.text.table import make_table, render
from optimus_ops.text.units import counted

OUTCOME_STYLES = {
    Outcome.DONE: "green",
    Outcome.UNDONE: "yellow",
    Outcome.INTERRUPTED: "yellow",
    Outcome.HALF_UNDONE: "red",
    Outcome.UNFINISHED: "red",
    Outcome.RUNNING: "cyan",
}
STEP_MARKS = {
    Result.DONE: ("✓", "32"),
    Result.FAILED: ("✗", "31"),
    Result.INTERRUPTED: ("✗", "33"),
    Result.CUT_SHORT: ("✗", "31"),
    Result.RUNNING: ("…", "36"),
    Result.NOT_REACHED: ("·", "2"),
}


def table(changes: Sequence[Change], *, colour: bool, columns: int) -> str:
    """Return the table of changes; commands continue on the next line where they are too long."""
    rows = (
        (
            str(change.id),
            _when(change)[:16],
            safe_to_show(change.user),
            _outcome(change),
            _seconds(change.seconds),
            _command(change),
        )
        for change in changes
    )
    header = ("CHANGE", "WHEN", "WHO", "OUTCOME", "TIME", "WHAT")
    return render([make_table(header, rows, right={"CHANGE", "TIME"}, folded={"WHAT"})], colour=colour, columns=columns)


def _outcome(change: Change) -> Text:
    complaints = sum(len(step.complaints) for step in change.steps)
    if change.outcome is Outcome.DONE and complaints:
        return Text(f"done, {counted(complaints, 'complaint')}", "yellow")
    return Text(change.outcome, OUTCOME_STYLES[change.outcome])


def describe(change: Change, console: Console) -> Iterator[str]:
    """Yield the lines about one change: who, what, each step with its cause and its result, and what was undone."""
    took = f" after {_seconds(change.seconds)}" if change.seconds is not None else ""
    by = f"{safe_to_show(change.user)}@{safe_to_show(change.host)}"
    yield f"change {change.id}: {_command(change)}"
    yield f"  {_when(change)} by {by}: {change.outcome}{took}"
    for number, step in enumerate(change.steps, start=1):
        yield from _step_lines(number, step, console)
    if change.error:
        yield from _block("why it failed:", change.error.splitlines())
    if change.undone:
        yield from _block("undone:", change.undone)


def _step_lines(number: int, step: StepRecord, console: Console) -> Iterator[str]:
    mark, code = STEP_MARKS[step.result]
    took = f" ({_seconds(step.seconds)})" if step.seconds is not None else ""
    note = f" · {safe_to_show(step.note)}" if step.note else ""
    result = "" if step.result is Result.DONE else f" · {step.result}"
    yield f"  {number:>2}. {console.paint(mark, code)} {safe_to_show(step.text)}{note}{result}{took}"
    if step.cause:
        yield f"        {console.paint(f'({safe_to_show(step.cause)})', '2')}"
    for complaint in step.complaints:
        yield f"        ! {safe_to_show(complaint)}"


def _block(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"  {title}"
    for line in lines:
        yield f"    {safe_to_show(line)}"


def _command(change: Change) -> str:
    """Return the command that was typed, or what its plan was called."""
    return safe_to_show(shlex.join(change.command) if change.command else change.purpose)


def _when(change: Change) -> str:
    """Return when a change began, in local time."""
    try:
        return f"{datetime.fromisoformat(change.at).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return "-"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
