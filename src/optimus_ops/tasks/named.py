"""The tasks of one subsystem alone, where a command line names one of them and can mean no other.

Loading all of them takes longer than many a task does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.tasks.subsystems import assemble, load_tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from invoke.collection import Collection
    from invoke.parser.context import ParserContext


def named_subsystem(words: Sequence[str]) -> ModuleType | None:
    """Return the library's module with the task that a command line begins with, if its name says which one that is."""
    from optimus_ops.project.subsystems import LIBRARY

    name, dot, _ = words[0].partition(".") if words else ("", "", "")
    package = name.replace("-", "_")
    if not dot or not package.isidentifier() or not (LIBRARY / package / "tasks.py").is_file():
        return None
    module = load_tasks_of(f"{LIBRARY.name}.{package}")
    # It may put its tasks anywhere, or be one of those that do.
    return None if hasattr(module, "add_tasks") else module


def collection_of(module: ModuleType) -> Collection:
    """Return a namespace with the tasks of one module."""
    from optimus_ops.engine.service_names import ServiceNames

    return assemble((module,), ServiceNames())


def means_one_task(words: Sequence[str], contexts: Mapping[str, ParserContext]) -> bool:
    """Tell whether a command line is one task of these, with its own flags and words: no other task can be in it."""
    from optimus_ops.commandline.positional_services import wanted_words

    context = contexts.get(words[0])
    if context is None:
        return False
    wanted = len(wanted_words(context))
    left = list(words[1:])
    while left:
        word = left.pop(0)
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            wanted -= 1
        elif name in context.flags and context.flags[name].takes_value and not equals:
            if context.flags[name].optional or not left or left.pop(0).startswith("-"):
                return False
        elif name not in context.flags and name not in context.inverse_flags:
            return False
        if wanted < 0:
            return False
    return wanted == 0
