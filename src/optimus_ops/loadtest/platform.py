"""What a project's load tests send: a module that the project names.

    [tool.optimus-ops]
    load-tests = "acme_ops.load_test"

Its function `load_platform(root, secrets)` returns a `LoadPlatform`.
"""

from __future__ import annotations

from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.loadtest.model import LoadPlatform
from optimus_ops.project.named_functions import named_function
from optimus_ops.project.settings import Project
from optimus_ops.secrets.operator import operator_secrets

PAGE = "docs/load-tests.md"


def load_platform(project: Project) -> LoadPlatform:
    """Return what the project offers to whoever sends requests.

    Raises:
        Refused: it names no module, or no tenant has a key.
    """
    found = _named_platform(project)
    if not found.tenants and any(each.tenants for each in found.classes):
        raise Refused("no tenant has a key: nobody can send requests", "make keys with: invoke secrets.init")
    return found


def describe_platform(project: Project) -> LoadPlatform:
    """Return what the project offers, with the tenants that have no key as well: profiles are read, nothing is sent.

    Raises:
        Refused: it names no module.
    """
    found = _named_platform(project)
    return replace(found, tenants=(*found.tenants, *found.keyless), keyless=())


def _named_platform(project: Project) -> LoadPlatform:
    if not project.load_tests:
        raise Refused(
            "this project says no requests for load tests",
            f"[tool.optimus-ops] load-tests names the module that does: {PAGE}",
        )
    make = named_function("load-tests", project.load_tests, "load_platform", PAGE)
    found: LoadPlatform = make(project.root, operator_secrets(project))
    return found
