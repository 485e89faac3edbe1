"""Which keys are rotated: those that are named, those that are due, or those that are chosen at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from optimus_ops.errors import Refused
from optimus_ops.rotation.requests import RotateRequest
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.listing import SecretRow
from optimus_ops.secrets.operator_input import agrees
from optimus_ops.text.console import Console
from optimus_ops.text.units import counted

Ask = Callable[[str], str]


def read_answer(prompt: str) -> str:
    """Ask at the terminal; the end of its input is no answer."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def due_keys(rows: Sequence[SecretRow]) -> tuple[str, ...]:
    """Return the keys that should be replaced and can be rotated."""
    return tuple(row.key for row in rows if row.due and row.rotator)


def choose_keys(
    request: RotateRequest, rows: Sequence[SecretRow], console: Console, ask: Ask | None
) -> tuple[str, ...]:
    """Return the keys that a new rotation is wanted for; `ask` is None where nobody can be asked.

    Raises:
        Refused: none is named, and nobody can be asked.
    """
    if request.all_due:
        return due_keys(rows)
    if request.keys:
        return tuple(dict.fromkeys(request.keys))
    due = due_keys(rows)
    if ask is None:
        named = f"due: {', '.join(due)}" if due else "none is due"
        raise Refused(f"which key? ({named})", "invoke secrets.rotate KEY…, or --all-due --yes")
    able = [row for row in rows if row.rotator]
    console.say("Which keys? Due ones have a *.")
    for number, row in enumerate(able, start=1):
        age = "-" if row.age_days is None else f"{row.age_days} days"
        console.say(f"  {number:>3} {'*' if row.due else ' '} {row.key} ({age})")
    usual = " [all due]" if due else ""
    return _picked(ask(f"Numbers or names, separated by blanks{usual}: "), [row.key for row in able], due)


def _picked(answer: str, able: Sequence[str], due: tuple[str, ...]) -> tuple[str, ...]:
    words = answer.replace(",", " ").split()
    found = dict.fromkeys(due if not words else ())
    for word in words:
        if word.isdecimal() and 1 <= int(word) <= len(able):
            found[able[int(word) - 1]] = None
        elif word in able:
            found[word] = None
        else:
            raise Refused("that is none of them", "numbers or names of the list, separated by blanks")
    if not found:
        raise Refused("no key was chosen")
    return tuple(found)


def confirm(keys: Sequence[str], request: RotateRequest, ask: Ask | None) -> None:
    """Let somebody agree to new rotations.

    Raises:
        Refused: nobody does.
    """
    if request.yes or not keys:
        return
    if ask is None:
        raise Refused(
            f"{counted(len(keys), 'secret')} would be rotated, and nobody can be asked",
            "look at it with --plan, then say --yes",
        )
    if not agrees(ask(f"Rotate {', '.join(keys)}? [y/N] ")):
        raise Refused("not agreed to: nothing was changed")


def wanted_members(entry: Entry, count: int, member: int) -> tuple[int | None, ...]:
    """Return the members of a pool (from 0) that a rotation is wanted for, (None,) for a single value.

    `count` are the pool's members, `member` the one that is asked for, from 1; 0 for all.
    """
    if entry.type != "keys":
        if member:
            raise Refused(f"{entry.key} is no pool of keys", "leave --member out")
        return (None,)
    if member > count:
        raise Refused(f"{entry.key} has {counted(count, 'member')}", "--member counts them from 1")
    return (member - 1,) if member else tuple(range(count))


def check_keys(keys: Sequence[str], entries: Mapping[str, Entry]) -> None:
    """Refuse keys that are companions of others."""
    for key in keys:
        if companion := entries[key].companion_of:
            raise Refused(
                f"{key} is the second value of {companion} while that is rotated", f"rotate {companion} itself"
            )
