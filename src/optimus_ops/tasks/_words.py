"""`invoke logs ai-engine redis`: Invoke has no list of plain words, so they are made flags before it parses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def spelled_out(
    words: Sequence[str], flags: Mapping[str, str], valued: Collection[str], tasks: Collection[str]
) -> list[str]:
    """Return a command line in which the plain words after some tasks have a flag each.

    Args:
        words: the command line after Invoke's own flags: tasks with their flags.
        flags: task -> the flag that each of its plain words gets, as in `{"logs": "--service"}`.
        valued: flags of these tasks that take a value; the word after one is its value.
        tasks: names of all tasks: one of them begins a new task.
    """
    made: list[str] = []
    task = ""
    value_next = False
    for word in words:
        if value_next or word.startswith("-"):
            value_next = not value_next and word in valued
            made.append(word)
        elif word in tasks:
            task = word
            made.append(word)
        else:
            made += [flags[task], word] if task in flags else [word]
    return made
