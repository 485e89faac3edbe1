"""A function of a module that the project names in its settings, such as the one that makes its probes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from optimus_ops.errors import Refused


def named_function(setting: str, module: str, function: str, page: str) -> Any:
    """Return a function of the module that a setting names; `page` of the documentation says what it returns.

    Raises:
        Refused: there is no such module, or it has no such function.
        ModuleNotFoundError: the module itself imports what is not there.
    """
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise Refused(
            f"no module {module}", f"[tool.optimus-ops] {setting} names a module that `invoke` can import"
        ) from error
    if not hasattr(found, function):
        raise Refused(f"{module} has no function {function}", f"{page} says what it returns")
    return getattr(found, function)
