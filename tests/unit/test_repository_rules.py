"""Rules for the repository's files: nothing of one machine in them, locks that install from any mirror."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from tests.unit.compose_files import built_services
from tests.unit.repository import CHECKOUT, imports_of, tracked_files

BOOTSTRAP = CHECKOUT / "scripts" / "bootstrap.py"
LOCKS = (CHECKOUT / "requirements" / "dev.txt", *sorted((CHECKOUT / "services").glob("*/requirements.txt")))
TEST_COMMAND = "python3 scripts/bootstrap.py --with-docker nox"

# Written so that this file does not break its own rules.
REGISTRY_HOSTS = re.compile(
    r"\b(deb|security|ftp|snapshot)[.]debian[.]org|\b(archive|security|ports)[.]ubuntu[.]com"
    r"|\bpypi[.](python[.])?org|pythonhosted[.]org|\bregistry[.]npmjs|\bdownload[.]docker[.]com|\bdeb[.]nodesource"
)
MACHINE_PATHS = re.compile(r"(?<![\w.$}/-])/(work/(main|shared)|opt/(pypi|wheels))\b")


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def offences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def requirements_of(lock: Path) -> list[str]:
    """Return a lock's requirements, one line each, comments dropped."""
    lines = [line for line in text_of(lock).splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in "\n".join(lines).replace("\\\n", " ").splitlines() if entry.strip()]


def versions_of(lock: Path) -> set[str]:
    return {entry.split()[0] for entry in requirements_of(lock)}


def test_no_file_names_a_package_registry() -> None:
    assert not offences(REGISTRY_HOSTS)


def test_no_file_names_a_place_on_one_machine() -> None:
    assert not offences(MACHINE_PATHS)


def test_no_file_names_this_checkout() -> None:
    assert not offences(re.compile(re.escape(str(CHECKOUT)) + r"\b"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(CHECKOUT)))
def test_each_locked_requirement_is_one_version_with_its_hashes(lock: Path) -> None:
    pinned = re.compile(r"[a-z0-9][a-z0-9._-]*==\S+( ; [^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    requirements = requirements_of(lock)
    assert requirements
    assert [entry for entry in requirements if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(CHECKOUT)))
def test_no_lock_names_an_index(lock: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text_of(lock))


@pytest.mark.parametrize("lock", LOCKS[1:], ids=lambda lock: lock.parent.name)
def test_images_install_the_versions_that_are_tested(lock: Path) -> None:
    assert versions_of(lock) <= versions_of(LOCKS[0])


def test_every_service_with_an_image_has_a_lock() -> None:
    assert built_services() == {lock.parent.name for lock in LOCKS[1:]}


def test_no_dockerfile_needs_a_registry_for_its_syntax() -> None:
    files = [path for path in tracked_files() if path.name.startswith("Dockerfile")]
    assert files
    assert [path for path in files if re.search(r"^#\s*syntax\s*=", text_of(path), re.MULTILINE)] == []


def test_bootstrap_imports_only_the_standard_library() -> None:
    assert {found.module.split(".")[0] for found in imports_of(BOOTSTRAP)} <= sys.stdlib_module_names


def test_bootstrap_can_tell_an_old_python_that_it_is_too_old() -> None:
    body = ast.parse(text_of(BOOTSTRAP), feature_version=(3, 7)).body
    check = next(index for index, node in enumerate(body) if isinstance(node, ast.If))
    assert not any(isinstance(node, ast.ClassDef | ast.FunctionDef) for node in body[:check])


def test_ci_runs_the_documented_test_command_and_nothing_else() -> None:
    run = CHECKOUT / ".ci" / "run"
    commands = [line for line in text_of(run).splitlines() if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == [TEST_COMMAND]
    assert run.stat().st_mode & 0o111
    assert TEST_COMMAND in text_of(CHECKOUT / "README.md")
