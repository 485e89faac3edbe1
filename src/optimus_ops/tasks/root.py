"""The root of the task tree, for `tasks.py` of this project and of any other Compose project.

from optimus_ops.tasks.root import make_namespace

ns = make_namespace()
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.parser.context import ParserContext

    from optimus_ops.engine.service_names import ServiceNames


def make_namespace(root: Path | None = None) -> Collection:
    """Return the namespace of all tasks; the flags of `scale` come from the project's merged Compose model.

    Args:
        root: the project's folder; that of the running `tasks.py` (the current folder) if not given.
    """
    from optimus_ops.tasks import contracts, images, lb, observe, redis, secrets, stack

    names = _services(root)
    namespace = Collection()
    namespace.add_task(stack.make_scale(names.scalable), name="scale")
    changing = (stack.up, stack.down, stack.deploy, stack.rollback, stack.migrate)
    looking = (observe.status, observe.logs, observe.history, observe.doctor)
    for made in (*changing, *looking):
        namespace.add_task(made)
    namespace.add_task(redis.validate, name="validate-redis")
    namespace.add_collection(Collection.from_module(contracts, name="contracts"))
    for name, module in (("images", images), ("lb", lb), ("redis", redis), ("secrets", secrets)):
        namespace.add_collection(Collection.from_module(module, name=name))
    take_services_as_words(namespace, names.every)
    refuse_bad_usage(namespace, sys.argv, names)
    return namespace


def _services(root: Path | None) -> ServiceNames:
    from optimus_ops.engine.service_names import service_names
    from optimus_ops.errors import OpsError
    from optimus_ops.project import load_project

    try:
        return service_names(load_project(root))
    except OpsError as error:
        raise Exit(f"{error.word}: {error}", code=error.exit_code) from None


def take_services_as_words(namespace: Collection, services: Sequence[str]) -> None:
    """Let Invoke, which is about to parse its command line, see services as flags."""
    from invoke.main import program

    from optimus_ops.tasks.words import with_flags

    # Not there where something else than `invoke` loads the tasks.
    core = getattr(program, "core", None)
    if core is not None:
        core.unparsed[:] = with_flags(core.unparsed, contexts_of(namespace), services)


def contexts_of(namespace: Collection) -> dict[str, ParserContext]:
    """Return name of a task -> what Invoke knows of its flags."""
    return {name: context for context in namespace.to_contexts() for name in (context.name, *context.aliases) if name}


def refuse_bad_usage(namespace: Collection, argv: Sequence[str], names: ServiceNames) -> None:
    """End with exit code 2 where Invoke itself would end with 1: an unknown task or flag, a flag without its value.

    Invoke parses the same words again later; this asks its own parser first.

    Args:
        namespace: the tasks.
        argv: the command line.
        names: the services; where they are not all known, that is the reason to tell.
    """
    from invoke.main import program
    from invoke.parser import Parser

    from optimus_ops.tasks.words import with_flags

    if Path(argv[0]).name not in program.binary_names:
        return
    initial = program.initial_context
    try:
        unparsed = Parser(initial=initial, ignore_unknown=True).parse_argv(list(argv[1:])).unparsed
        unparsed = with_flags(unparsed, contexts_of(namespace), names.every)
        Parser(initial=program.initial_context, contexts=namespace.to_contexts()).parse_argv(unparsed)
    except ParseError as error:
        task = error.context.name if error.context is not None and error.context.name else "TASK"
        if names.problem is not None and task == "scale":
            raise Exit(f"{names.problem.word}: {names.problem}", code=names.problem.exit_code) from None
        hint = _hint(argv, names.every) if task == "scale" else None
        hint = hint or f"tasks and flags: invoke --list, invoke --help {task}"
        raise Exit(f"refused: {error}\n  {hint}", code=2) from None


def _hint(argv: Sequence[str], services: Sequence[str]) -> str | None:
    """Return how to give the number of a service that was given as a flag which it can't have."""
    from optimus_ops.tasks.replica_flags import hint_for

    hints = (hint_for(word, services) for word in argv if word.startswith("-"))
    return next((hint for hint in hints if hint), None)
