"""`invoke history`: what was changed, when, by whom and how it ended; read from the journal, without the engine."""

from __future__ import annotations

import sys
from pathlib import Path

from optimus_ops.change.history import Change, History, read_history
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.status.history_text import describe, table
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns

USUAL_COUNT = 20


def history(*, last: str, change: str, json: bool, root: Path | None = None) -> None:
    """Print the latest changes, or one of them with its steps; `last` and `change` are numbers, "" if not given."""
    if last and change:
        raise Refused("--last and --change: one of them", "--change shows one change, --last the latest ones")
    count = _number(last, "--last", "a number of changes") if last else USUAL_COUNT
    wanted = _number(change.removeprefix("#"), "--change", "the number of a change") if change else None
    project = load_project(root)
    found = read_history(project.state / "journal", project.name)
    if wanted is not None:
        _show_change(_find(found, wanted, project.name), project.name, json=json)
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


def _show_change(made: Change, project: str, *, json: bool) -> None:
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
