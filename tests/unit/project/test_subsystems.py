from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from optimus_ops.checks.model import StatusLine
from optimus_ops.doctor.run_checks import subsystem_checks
from optimus_ops.model.state import State
from optimus_ops.project.settings import load_project
from optimus_ops.project.subsystems import offered_modules, subsystem_name
from optimus_ops.status.model import StatusContext
from optimus_ops.status.snapshot import subsystem_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OFFERS = """
from optimus_ops.checks.model import Check
from optimus_ops.errors import OpsError
from optimus_ops.checks.model import StatusLine


def doctor_checks(context):
    yield Check("stack", "greetings", "ok", context)
    raise OpsError("out of greetings", "buy some")


def status_lines(context):
    return [StatusLine("greetings", f"{context.project.name} is greeted")]
"""
FAILS = """
from optimus_ops.errors import OpsError


def status_lines(context):
    raise OpsError("no!")
"""
PACKAGES = {
    "greetings": {"doctor_checks": OFFERS, "status_lines": OFFERS},
    "broken": {
        "status_lines": "from optimus_ops.errors import OpsError\ndef status_lines(c):\n    raise OpsError('no!')"
    },
    "silent": {},
}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    for package, modules in PACKAGES.items():
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (tmp_path / package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tuple(PACKAGES)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in PACKAGES:
            del sys.modules[name]


def test_the_library_offers_checks_in_alphabetical_order() -> None:
    assert [subsystem_name(module) for module in offered_modules("doctor_checks")] == ["images", "secrets"]


def test_packages_of_the_project_offer_checks_or_none_and_one_that_fails_is_a_failed_check(
    tmp_path: Path, packages: tuple[str, ...]
) -> None:
    [module] = offered_modules("doctor_checks", packages, library=tmp_path / "optimus_ops")
    checks = list(subsystem_checks(module, cast("Any", "the context")))
    assert [(check.name, check.verdict, check.found, check.hint) for check in checks] == [
        ("greetings", "ok", "the context", ""),
        ("greetings", "failed", "out of greetings", "buy some"),
    ]


def test_they_add_lines_to_status_and_one_that_fails_does_not_hide_the_others(
    tmp_path: Path, packages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "shop")
    (tmp_path / "pyproject.toml").write_text(f"[tool.optimus-ops]\nsubsystems = {list(packages)}\n")
    context = StatusContext(load_project(tmp_path), State("shop"), cast("Any", None))
    assert subsystem_lines(context) == (
        StatusLine("greetings", "shop is greeted"),
        StatusLine("broken", "no!", warning=True),
    )
