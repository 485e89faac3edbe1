"""Functions of modules that a project names, and what is said of those that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.project.named_functions import named_function


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named_well.py").write_text("def probes():\n    return 7\n")
    (tmp_path / "named_lacking.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_the_function_is_returned() -> None:
    assert named_function("trace-probes", "named_well", "probes", "docs/x.md")() == 7


@pytest.mark.parametrize(
    ("module", "text", "hint"),
    [
        ("no_such_package.probes", r"no module no_such_package\.probes", "trace-probes"),
        ("named_well", "named_well has no function writes", "docs/x.md"),
    ],
)
def test_what_is_not_there_is_named(module: str, text: str, hint: str) -> None:
    with pytest.raises(Refused, match=text) as refused:
        named_function("trace-probes", module, "writes", "docs/x.md")
    assert hint in str(refused.value)


def test_a_module_that_lacks_one_of_its_own_imports_is_not_called_absent() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        named_function("trace-probes", "named_lacking", "probes", "docs/x.md")
