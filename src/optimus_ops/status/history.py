"""`invoke history`: what was changed, when, by whom and how it ended; read from the journal, without the engine."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from optimus_ops.change.history import Outcome, Result, read_history
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.status.log_lines import clean
from optimus_ops.status.report import counted
from optimus_ops.text.console import Console, layout_columns, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from optimus_ops.change.history import Change, History, StepRecord

USUAL_COUNT = 20
"""On a pipe lines may be of any length."""

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


def history(*, last: str, change: str, json: bool, root: Path | None = None) -> None:
    """Print the latest changes, or one of them with its steps.

    Args:
        last: how many; "" for the usual number.
        change: the number of one change; "" for the table.
        json: whether to print one JSON document.
        root: the checkout; the current folder if not given.

    Raises:
        Refused: `last` or `change` is no number, or there is no such change.
    """
    if last and change:
        raise Refused("--last and --change: one of them", "--change shows one change, --last the latest ones")
    count = _number(last, "--last", "a number of changes") if last else USUAL_COUNT
    wanted = _number(change.removeprefix("#"), "--change", "the number of a change") if change else None
    project = load_project(root)
    found = read_history(project.state / "journal", project.name)
    if wanted is not None:
        _show_one(_find(found, wanted, project.name), project.name, json=json)
    elif json:
        changes = [made.as_json() for made in found.changes[:count]]
        print_json({"project": project.name, "changes": changes, "unreadable": found.unreadable})
    else:
        _show_table(found, count, project.name)


def _number(text: str, flag: str, wanted: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:
        raise Refused(f"{flag} {text}: {wanted} is wanted, 1 or more")
    return int(text)


def _find(found: History, number: int, project: str) -> Change:
    for made in found.changes:
        if made.id == number:
            return made
    there = f"{found.changes[-1].id} to {found.changes[0].id}" if found.changes else "none"
    raise Refused(f"{project} has no change {number} in its journal", f"there are: {there} (invoke history)")


def _show_one(made: Change, project: str, *, json: bool) -> None:
    if json:
        print_json({"project": project, "change": made.as_json()})
        return
    console = Console.standard()
    for line in describe(made, console):
        console.say(line)


def _show_table(found: History, count: int, project: str) -> None:
    console = Console.standard()
    if not found.changes:
        console.say(f"{project}: nothing was changed yet")
    else:
        columns = layout_columns(sys.stdout)
        console.stream.write(table(found.changes[:count], colour=console.colour, columns=columns))
    if found.unreadable:
        console.say(f"! not readable by this user, or damaged: {', '.join(found.unreadable)}")


def table(changes: Sequence[Change], *, colour: bool, columns: int) -> str:
    """Return the table of changes, in the order given.

    Args:
        changes: what to show.
        colour: whether colours are welcome.
        columns: width at which commands go on below.
    """
    rows = [
        (
            Text(str(change.id)),
            Text(when(change)[:16]),
            Text(_plain(change.user)),
            _outcome(change),
            Text(seconds(change.seconds)),
            Text(what(change)),
        )
        for change in changes
    ]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for header in ("CHANGE", "WHEN", "WHO", "OUTCOME", "TIME"):
        made.add_column(header, no_wrap=True, justify="right" if header in {"CHANGE", "TIME"} else "left")
    # The last one, since it is what goes on below where there is no room.
    made.add_column("WHAT", overflow="fold", min_width=16)
    for row in rows:
        made.add_row(*row)
    text = StringIO()
    RichConsole(
        file=text, width=columns, no_color=not colour, force_terminal=colour, highlight=False, emoji=False
    ).print(made)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _outcome(change: Change) -> Text:
    complaints = sum(len(step.complaints) for step in change.steps)
    if change.outcome is Outcome.DONE and complaints:
        return Text(f"done, {counted(complaints, 'complaint')}", "yellow")
    return Text(change.outcome, OUTCOME_STYLES[change.outcome])


def describe(made: Change, console: Console) -> Iterator[str]:
    """Give the lines about one change: who, what, each step with its cause and its result, and what was undone.

    Args:
        made: the change.
        console: says whether colours are welcome.
    """
    took = f" after {seconds(made.seconds)}" if made.seconds is not None else ""
    yield f"change {made.id}: {what(made)}"
    yield f"  {when(made)} by {_plain(made.user)}@{_plain(made.host)}: {made.outcome}{took}"
    for number, step in enumerate(made.steps, start=1):
        yield from _step_lines(number, step, console)
    if made.error:
        yield from _block("why it failed:", made.error.splitlines())
    if made.undone:
        yield from _block("undone:", made.undone)


def _step_lines(number: int, step: StepRecord, console: Console) -> Iterator[str]:
    mark, code = STEP_MARKS[step.result]
    took = f" ({seconds(step.seconds)})" if step.seconds is not None else ""
    note = f" · {_plain(step.note)}" if step.note else ""
    told = "" if step.result is Result.DONE else f" · {step.result}"
    yield f"  {number:>2}. {console.paint(mark, code)} {_plain(step.text)}{note}{told}{took}"
    if step.cause:
        yield f"        {console.paint(f'({_plain(step.cause)})', '2')}"
    for complaint in step.complaints:
        yield f"        ! {_plain(complaint)}"


def _block(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"  {title}"
    for line in lines:
        yield f"    {_plain(line)}"


def what(made: Change) -> str:
    """Return the command that was typed, or what its plan was called."""
    return _plain(shlex.join(made.command)) if made.command else _plain(made.purpose)


def when(made: Change) -> str:
    """Return when a change began, in the time of this place."""
    try:
        return f"{datetime.fromisoformat(made.at).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return "-"


def seconds(value: float | None) -> str:
    """Return a time as it is printed."""
    return "-" if value is None else f"{value:.1f} s"


def _plain(text: str) -> str:
    """Return a text without what could steer a terminal: notes hold what containers said."""
    return clean(text, colour=False)
