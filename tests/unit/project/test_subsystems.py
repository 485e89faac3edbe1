from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optimus_ops.project.subsystems import offered_modules


def test_the_library_offers_checks_in_alphabetical_order() -> None:
    names = [module.__name__ for module in offered_modules("doctor_checks")]
    assert names == ["optimus_ops.images.doctor_checks", "optimus_ops.secrets.doctor_checks"]


def test_a_package_of_the_project_may_offer_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("offers_checks", "offers_none"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "offers_checks" / "doctor_checks.py").write_text("def doctor_checks(context):\n    return [context]\n")
    monkeypatch.syspath_prepend(tmp_path)
    modules = offered_modules("doctor_checks", ["offers_checks", "offers_none"], library=tmp_path / "optimus_ops")
    assert [module.doctor_checks(1) for module in modules] == [[1]]
    del sys.modules["offers_checks.doctor_checks"], sys.modules["offers_checks"], sys.modules["offers_none"]
