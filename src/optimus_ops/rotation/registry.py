"""Finding the rotator that `@rotator=NAME` names: the library's modules, then a project's own packages.

A project's package that `[tool.optimus-ops] subsystems` names offers rotators in a module `rotators`:

    def rotators() -> Mapping[str, Callable[[RotationContext], Rotator]]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.project.subsystems import offered_modules
from optimus_ops.rotation import rotators
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.rotator import Rotator
from optimus_ops.secrets.entry import Entry

MakeRotator = Callable[[RotationContext], Rotator]


def rotator_of(entry: Entry, context: RotationContext) -> Rotator:
    """Return what rotates a key.

    Raises:
        Refused: its line of the template names none, or one that nobody offers.
    """
    if not entry.rotator:
        raise Refused(
            f"{entry.key} has no rotator",
            f"give it a value by hand: invoke secrets.set {entry.key}; or name one in .env.example: @rotator=NAME",
        )
    make = _offered(entry.rotator, context)
    if make is None:
        raise Refused(f"{entry.key}: no rotator {entry.rotator!r}", f"known: {', '.join(_names(context))}")
    return make(context)


def _offered(name: str, context: RotationContext) -> MakeRotator | None:
    own = _own(context)
    if name in own:
        return own[name]
    if name not in library_names():
        return None
    make: MakeRotator = import_module(f"{rotators.__name__}.{name.replace('-', '_')}").make_rotator
    return make


def _own(context: RotationContext) -> Mapping[str, MakeRotator]:
    """Return name -> what makes it, of the project's own packages; the first that offers a name has it."""
    packages = context.project.subsystems
    modules = [module for module in offered_modules("rotators", packages) if module.__name__ != rotators.__name__]
    return {name: make for module in reversed(modules) for name, make in module.rotators().items()}


def _names(context: RotationContext) -> tuple[str, ...]:
    return tuple(sorted({*library_names(), *_own(context)}))


def library_names(folder: Path = Path(rotators.__path__[0])) -> tuple[str, ...]:
    """Return the names of the library's rotators."""
    return tuple(sorted(path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")))
