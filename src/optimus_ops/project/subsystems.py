"""What subsystems offer to a task that isn't theirs: a module of a known name, imported when that task runs.

| module of the package | its function | used by |
|---|---|---|
| `doctor_checks` | `doctor_checks(context: DoctorContext) -> Iterable[Check]` | `invoke doctor` |
| `status_lines` | `status_lines(context: StatusContext) -> Iterable[StatusLine]` | `invoke status` |

Packages are those of the library, and those that a project names in `[tool.optimus-ops] subsystems`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

LIBRARY = Path(__file__).parents[1]


def packages_with(module: str, library: Path = LIBRARY) -> tuple[str, ...]:
    """Return the library's packages that have a module of a name, in alphabetical order."""
    return tuple(sorted(f"{library.name}.{path.parent.name}" for path in library.glob(f"*/{module}.py")))


def offered_modules(name: str, packages: Iterable[str] = (), library: Path = LIBRARY) -> tuple[ModuleType, ...]:
    """Import the modules of a name: the library's, then those of a project's own packages."""
    modules = (f"{package}.{name}" for package in (*packages_with(name, library), *packages))
    return tuple(import_module(module) for module in modules if find_spec(module) is not None)


def subsystem_name(module: ModuleType) -> str:
    """Return the name of the package that a module is in."""
    return module.__name__.split(".")[-2]
