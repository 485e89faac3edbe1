"""Finding subsystems: packages that offer tasks in a module `tasks`.

Those of the library are the folders beside this one. A project adds its own packages by name:

    [tool.optimus-ops]
    subsystems = ["acme_ops"]       # package with a module `tasks`, importable where `invoke` runs

A module `tasks` with a function `add_tasks(namespace, services)` decides where its tasks go; without one, its tasks are
a collection with the name of its package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from invoke.collection import Collection

from optimus_ops.errors import MissingPrerequisite, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from optimus_ops.engine.service_names import ServiceNames


def load_tasks(packages: Iterable[str]) -> tuple[ModuleType, ...]:
    """Import the module `tasks` of the library's packages that have one, and of others, which must have one."""
    from optimus_ops.project.subsystems import packages_with

    return tuple(load_tasks_of(package) for package in (*packages_with("tasks"), *packages))


def assemble(modules: Iterable[ModuleType], services: ServiceNames) -> Collection:
    """Return the namespace of all tasks for a stack's services."""
    namespace = Collection()
    # Collections first: another subsystem may add tasks to one.
    for module in sorted(modules, key=lambda module: hasattr(module, "add_tasks")):
        add_tasks = getattr(module, "add_tasks", None)
        if add_tasks:
            add_tasks(namespace, services)
        else:
            name = module.__name__.rpartition(".tasks")[0].rpartition(".")[2]
            namespace.add_collection(Collection.from_module(module, name=name.replace("_", "-")))
    return namespace


def load_tasks_of(package: str) -> ModuleType:
    """Import a package's module `tasks`.

    Raises:
        Refused: there is none.
        MissingPrerequisite: it needs a module that is not installed.
    """
    try:
        return import_module(f"{package}.tasks")
    except ModuleNotFoundError as error:
        if error.name not in {package, f"{package}.tasks", package.partition(".")[0]}:
            raise MissingPrerequisite(
                f"{package}.tasks needs the module {error.name}, which is not installed",
                "install it in the environment that `invoke` runs in",
            ) from error
        raise Refused(
            f"no module {package}.tasks", "[tool.optimus-ops] subsystems names packages that `invoke` can import"
        ) from error
