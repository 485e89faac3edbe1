"""Services keep to themselves, and tasks load fast. The layers of the library are in `[tool.importlinter]`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT, imports_of

LIBRARY = CHECKOUT / "src" / "optimus_ops"
SERVICES = {folder.parent.name: folder for folder in sorted((CHECKOUT / "services").glob("*/src"))}
PACKAGES = {path.name for folder in SERVICES.values() for path in folder.iterdir() if path.is_dir()}
EAGER = [LIBRARY / "commandline" / f"{name}.py" for name in ("task_decorator", "change_task", "flag_types")]
TASKS = sorted([*LIBRARY.glob("*/tasks.py"), *(LIBRARY / "tasks").glob("*.py"), *EAGER])
LIGHT = (
    "optimus_ops.commandline.",
    "optimus_ops.redis.target_flags.",
    "optimus_ops.rollout.replica_flags.",
    "optimus_ops.errors.",
    "optimus_ops.tasks.",
)
"""What `invoke --list` may import: it has a start-up budget."""


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_tasks_import_what_carries_them_out_only_when_called(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "invoke"}
    eager = {
        found.module
        for found in imports_of(path)
        if found.eager and found.module.split(".")[0] not in allowed and not f"{found.module}.".startswith(LIGHT)
    }
    assert not eager


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_neither_the_library_nor_another_service(service: str) -> None:
    own = {path.name for path in SERVICES[service].iterdir() if path.is_dir()}
    foreign = (PACKAGES | {"optimus_ops"}) - own - {"optimus_kit"}
    wrong = {
        f"{path.relative_to(CHECKOUT)} imports {found.module}"
        for path in SERVICES[service].rglob("*.py")
        for found in imports_of(path)
        if found.module.split(".")[0] in foreign
    }
    assert not wrong


def test_the_library_imports_no_service() -> None:
    wrong = {
        f"{path.relative_to(LIBRARY)} imports {found.module}"
        for path in LIBRARY.rglob("*.py")
        for found in imports_of(path)
        if found.module.split(".")[0] in PACKAGES
    }
    assert not wrong
