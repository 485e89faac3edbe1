"""The root of the task tree, for `tasks.py` of this project and of any other Compose project.

from optimus_ops.tasks.root import make_namespace

ns = make_namespace()
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from invoke.parser.context import ParserContext

    from optimus_ops.commandline.usage import UnknownFlag
    from optimus_ops.engine.service_names import ServiceNames
    from optimus_ops.errors import OpsError
    from optimus_ops.system.output_masking import ValueSource


def make_namespace(root: Path | None = None) -> Collection:
    """Return the namespace of all tasks; the flags of `scale` come from the project's merged Compose model.

    The project is that of `root`, else of `invoke --search-root`, else of the running `tasks.py`. Where Invoke is
    reading its command line just now, what it can't mean is refused here, in our words; where that names one task of a
    collection, the namespace has no other collection.
    """
    program = _reading_program()
    if program is None:
        return Tasks.of(root).namespace
    # Invoke keeps Python from caching what it compiles, so that each start would compile the library anew.
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
    from optimus_ops.commandline.streams import prepare_streams
    from optimus_ops.errors import OpsError, Refused
    from optimus_ops.project.settings import ROOT_VARIABLE, find_root
    from optimus_ops.system.output_masking import OUTPUT

    words = list(sys.argv[1:])
    try:
        prepare_streams()
        found = root or find_root(Path(program.args["search-root"].value or Path.cwd()))
        if not found.is_dir():
            raise Refused(f"no folder {found}")
        # Tasks are called by Invoke, which hands them no folder.
        os.environ[ROOT_VARIABLE] = str(found)
        OUTPUT.install(lambda: _secret_files(found))
        tasks = Tasks.named(found, program) or Tasks.of(found)
        read_command_line(program, tasks, words)
    except OpsError as error:
        from optimus_ops.commandline.failure import exit_of

        raise exit_of(error, as_json="--json" in words) from None
    return tasks.namespace


def _secret_files(root: Path) -> ValueSource:
    """Return what output must not show."""
    from optimus_ops.secrets.values_to_mask import ValuesToMask

    return ValuesToMask(root)


@dataclass(frozen=True)
class Tasks:
    """The tasks for a stack's services: the library's, and those that the project adds."""

    namespace: Collection
    modules: tuple[ModuleType, ...]
    services: ServiceNames

    @classmethod
    def named(cls, root: Path, program: Any) -> Tasks | None:
        """Load the tasks of the one subsystem that the command line is about; None if it may be about others."""
        from optimus_ops.engine.service_names import ServiceNames
        from optimus_ops.project.settings import load_project
        from optimus_ops.tasks.named import collection_of, means_one_task, named_subsystem

        asked = any(program.args[name].value for name in ("complete", "help", "list"))
        # A project's own subsystem may add tasks to any collection.
        if asked or load_project(root).subsystems or not (module := named_subsystem(program.core.unparsed)):
            return None
        namespace = collection_of(module)
        found = cls(namespace, (module,), ServiceNames())
        return found if means_one_task(program.core.unparsed, contexts_of(namespace)) else None

    @classmethod
    def of(cls, root: Path | None) -> Tasks:
        """Load the tasks of a project."""
        from optimus_ops.engine.service_names import service_names
        from optimus_ops.project.settings import load_project
        from optimus_ops.tasks.subsystems import assemble, load_tasks

        project = load_project(root)
        modules, services = load_tasks(project.subsystems), service_names(project)
        return cls(assemble(modules, services), modules, services)


def _reading_program() -> Any | None:
    """Return Invoke's program if it is reading its command line just now; None where something else loads the tasks."""
    from invoke.main import program

    reads = getattr(program, "core", None) is not None and Path(sys.argv[0]).name in program.binary_names
    return program if reads else None


def read_command_line(program: Any, tasks: Tasks, words: Sequence[str]) -> None:
    """Complete, check and translate the command line (`words`) that Invoke is about to read.

    Invoke's program has read its own flags; where it was asked for completions, they are printed and the program ends.
    """
    from optimus_ops.commandline.positional_services import with_flags
    from optimus_ops.commandline.usage import UnknownFlag, check_own_flags, check_usage

    contexts, core, services = contexts_of(tasks.namespace), program.initial_context, tasks.services
    if program.args.complete.value:
        from optimus_ops.commandline.completion import print_completions, values_for

        values = values_for(services.every, tasks.modules)
        print_completions(program.core.remainder, program.binary_names, contexts, core, values)
    check_own_flags(words, core)
    check_topics(program.args.help.value, program.args.list.value, contexts, tasks.namespace)
    program.core.unparsed[:] = with_flags(program.core.unparsed, contexts, services.every)
    try:
        check_usage(program.core.unparsed, contexts, core)
    except UnknownFlag as unknown:
        raise _explained(unknown, services) from None


def _explained(unknown: UnknownFlag, names: ServiceNames) -> OpsError:
    """Return what to tell of a flag that no task has: of `scale`, it may be a service's that can have none."""
    from optimus_ops.rollout.replica_flags import hint_for

    if unknown.task != "scale":
        return unknown
    if names.problem is not None:
        return names.problem
    unknown.hint = hint_for(unknown.flag, names.every, names.scalable) or unknown.hint
    return unknown


def check_topics(task: object, collection: object, contexts: dict[str, ParserContext], namespace: Collection) -> None:
    """Refuse `--help TASK` and `--list COLLECTION` for what doesn't exist.

    `task` and `collection` are the values of these flags, True where they have none.
    """
    from optimus_ops.commandline.usage import near
    from optimus_ops.errors import Refused

    if isinstance(task, str) and task not in contexts:
        raise Refused(f"no task {task!r}", near(task, contexts, "all of them: invoke --list"))
    if isinstance(collection, str) and collection not in namespace.collections:
        known = list(namespace.collections)
        raise Refused(f"no group of tasks {collection!r}", near(collection, known, f"groups: {', '.join(known)}"))


def contexts_of(namespace: Collection) -> dict[str, ParserContext]:
    """Return name of a task -> what Invoke knows of its flags."""
    return {name: context for context in namespace.to_contexts() for name in (context.name, *context.aliases) if name}
