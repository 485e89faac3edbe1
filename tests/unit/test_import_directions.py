"""Imports point one way: tasks -> rooms -> (stack, plan, engine) -> the ground; services keep to themselves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT, imports_of

LIBRARY = CHECKOUT / "src" / "optimus_ops"
SERVICES = {folder.parent.name: folder for folder in sorted((CHECKOUT / "services").glob("*/src"))}
PACKAGES = {path.name for folder in SERVICES.values() for path in folder.iterdir() if path.is_dir()}
OUTSIDE_WORLD = {"docker", "http", "httpx", "redis", "requests", "socket", "subprocess", "urllib"}
CORE = {"stack", "plan", "engine"}


def layer(part: str) -> int:
    """Return how high a part of the library stands; imports go level or down."""
    if part == "tasks":
        return 3
    if part in CORE:
        return 1
    return 2 if (LIBRARY / part).is_dir() else 0


def parts() -> list[str]:
    return sorted({path.relative_to(LIBRARY).parts[0].removesuffix(".py") for path in LIBRARY.rglob("*.py")})


def modules_of(part: str) -> list[Path]:
    single = LIBRARY / f"{part}.py"
    return [single] if single.is_file() else sorted((LIBRARY / part).rglob("*.py"))


@pytest.mark.parametrize("part", parts())
def test_a_part_of_the_library_imports_nothing_above_it(part: str) -> None:
    upwards = {
        f"{path.relative_to(LIBRARY)} imports {found.module}"
        for path in modules_of(part)
        for found in imports_of(path)
        if found.module.startswith("optimus_ops.") and layer(found.module.split(".")[1]) > layer(part)
    }
    assert not upwards


@pytest.mark.parametrize("part", ["plan", "stack"])
def test_planning_reaches_nothing_outside(part: str) -> None:
    reached = {
        f"{path.relative_to(LIBRARY)} imports {found.module}"
        for path in modules_of(part)
        for found in imports_of(path)
        if found.module.split(".")[0] in OUTSIDE_WORLD
    }
    assert not reached


def test_task_modules_import_their_room_only_when_called() -> None:
    allowed = {*sys.stdlib_module_names, "invoke"}
    eager = {
        f"{path.relative_to(LIBRARY)} imports {found.module}"
        for path in modules_of("tasks")
        for found in imports_of(path)
        if found.eager and found.module.split(".")[0] not in allowed
        if not f"{found.module}.".startswith("optimus_ops.tasks.")
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
