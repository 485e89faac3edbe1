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


def make_namespace(root: Path | None = None) -> Collection:
    """Return the namespace of all tasks; the flags of `scale` come from the project's Compose base file.

    Args:
        root: the project's folder; that of the running `tasks.py` (the current folder) if not given.
    """
    from optimus_ops.tasks import contracts, images, lb, observe, redis, secrets, stack

    namespace = Collection()
    namespace.add_task(stack.make_scale(_scalable(root)), name="scale")
    changing = (stack.up, stack.down, stack.deploy, stack.rollback, stack.migrate)
    looking = (observe.status, observe.logs, observe.history, observe.doctor)
    for made in (*changing, *looking):
        namespace.add_task(made)
    namespace.add_task(redis.validate, name="validate-redis")
    namespace.add_collection(Collection.from_module(contracts, name="contracts"))
    for name, module in (("images", images), ("lb", lb), ("redis", redis), ("secrets", secrets)):
        namespace.add_collection(Collection.from_module(module, name=name))
    take_services_as_words(namespace)
    refuse_bad_usage(namespace, sys.argv)
    return namespace


def _scalable(root: Path | None) -> Sequence[str]:
    from optimus_ops.errors import OpsError
    from optimus_ops.project import load_project
    from optimus_ops.stack.scalable import scalable_services

    try:
        project = load_project(root)
        return scalable_services(project.compose / project.base)
    except OpsError as error:
        raise Exit(f"{error.word}: {error}", code=error.exit_code) from None


def take_services_as_words(namespace: Collection) -> None:
    """Let Invoke, which is about to parse its command line, see services as flags."""
    from invoke.main import program

    from optimus_ops.tasks.words import with_flags

    # Not there where something else than `invoke` loads the tasks.
    core = getattr(program, "core", None)
    if core is not None:
        core.unparsed[:] = with_flags(core.unparsed, contexts_of(namespace))


def contexts_of(namespace: Collection) -> dict[str, ParserContext]:
    """Return name of a task -> what Invoke knows of its flags."""
    return {name: context for context in namespace.to_contexts() for name in (context.name, *context.aliases) if name}


def refuse_bad_usage(namespace: Collection, argv: Sequence[str]) -> None:
    """End with exit code 2 where Invoke itself would end with 1: an unknown task or flag, a flag without its value.

    Invoke parses the same words again later; this asks its own parser first.
    """
    from invoke.main import program
    from invoke.parser import Parser

    from optimus_ops.tasks.words import with_flags

    if Path(argv[0]).name not in program.binary_names:
        return
    initial = program.initial_context
    try:
        unparsed = Parser(initial=initial, ignore_unknown=True).parse_argv(list(argv[1:])).unparsed
        unparsed = with_flags(unparsed, contexts_of(namespace))
        Parser(initial=program.initial_context, contexts=namespace.to_contexts()).parse_argv(unparsed)
    except ParseError as error:
        task = error.context.name if error.context is not None and error.context.name else "TASK"
        raise Exit(f"refused: {error}\n  tasks and flags: invoke --list, invoke --help {task}", code=2) from None
