"""Completion of a command line: tasks, flags, and the values that the project knows.

`invoke --print-completion-script bash|zsh|fish` gives the shell's half, which calls `invoke --complete -- WORDS`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType

from invoke.exceptions import Exit
from invoke.parser.context import ParserContext

Values = Mapping[str, Callable[[], Sequence[str]]]


def print_completions(
    typed: str,
    program_names: Sequence[str],
    contexts: Mapping[str, ParserContext],
    core: ParserContext,
    values: Values,
) -> None:
    """Print what may come next after what was typed (the program's name included), a word a line, and end."""
    words = words_of(typed, program_names)
    for found in completions(words, contexts, core, values):
        print(found)
    raise Exit(code=0)


def words_of(typed: str, program_names: Sequence[str]) -> list[str]:
    """Return the words of a command line, the one under the cursor last ("" if it was not begun)."""
    names = "|".join(re.escape(name) for name in program_names)
    line = re.sub(rf"^\s*(?:\S*/)?(?:{names})(?:\s+|$)", "", typed)
    try:
        words = shlex.split(line)
    except ValueError:  # a quote that is still open
        words = line.split()
    return words if words and not line[-1:].isspace() else [*words, ""]


def completions(
    words: Sequence[str],
    contexts: Mapping[str, ParserContext],
    core: ParserContext,
    values: Values,
) -> list[str]:
    """Return what may stand in place of the last word, the one under the cursor.

    `contexts` is name of a task -> what Invoke knows of its flags, `core` has Invoke's own; `values` (flag -> what
    gives its values) are asked only where one is wanted.
    """
    *before, last = words
    context: ParserContext | None = None
    wanted = ""
    for word in before:
        if wanted:
            wanted = ""
        elif word.startswith("-"):
            argument = (context or core).flags.get(word)
            wanted = word if argument is not None and argument.takes_value else ""
        elif word in contexts:
            context = contexts[word]
    flag, equals, begun = last.partition("=")
    if equals:
        return [f"{flag}={value}" for value in _of(flag, values) if value.startswith(begun)]
    if wanted:
        known = list(contexts) if context is None and wanted in {"--help", "-h"} else _of(wanted, values)
    elif last.startswith("-"):
        flags = context.flag_names() if context else core.flag_names()
        known = [name for name in flags if name.startswith("--") or last == "-"]
    else:
        takes_services = context is not None and "--service" in context.flags
        known = [*(_of("--service", values) if takes_services else ()), *sorted(contexts)]
    return [word for word in known if word.startswith(last)]


def _of(flag: str, values: Values) -> Sequence[str]:
    return values[flag]() if flag in values else ()


def values_for(services: Sequence[str], modules: Iterable[ModuleType] = ()) -> Values:
    """Return flag -> what gives its values: a service's name, or what a module of tasks says in `completions`."""
    known: dict[str, Callable[[], Sequence[str]]] = dict.fromkeys(
        ("--service", "--build", "--server"), lambda: services
    )
    for module in modules:
        known |= getattr(module, "completions", {})
    return known
