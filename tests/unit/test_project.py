from __future__ import annotations

from pathlib import Path

import pytest

from optimus_ops.errors import Refused
from optimus_ops.project import load_project
from optimus_ops.stack.accounts import BudgetPolicy


def written(folder: Path, text: str) -> Path:
    (folder / "tasks.py").touch()
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_without_settings_the_conventions_hold(tmp_path: Path) -> None:
    project = load_project(written(tmp_path, ""), {})
    assert (project.balancer, project.migrations, project.budgets) == ("nginx-lb", "migrations", {})


def test_what_is_kept_back_can_be_set(tmp_path: Path) -> None:
    project = load_project(
        written(tmp_path, "[tool.optimus-ops.budgets]\noperator-connections = 8\ncpu-overcommit = 1.5"), {}
    )
    assert BudgetPolicy.of(project.budgets) == BudgetPolicy(operator_connections=8, cpu_overcommit=1.5)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.optimus-ops]\nnonsense = 1",
        "[tool.optimus-ops]\nbudgets = 3",
        "[tool.optimus-ops.budgets]\nnonsense = 1",
        "[tool.optimus-ops.budgets]\noperator-connections = -1",
        "[tool.optimus-ops.budgets]\noperator-connections = true",
        "[tool.optimus-ops.budgets]\ncpu-overcommit = inf",
        '[tool.optimus-ops.budgets]\ncpu-overcommit = "2"',
        "[tool",
    ],
)
def test_malformed_settings_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match=r"optimus-ops|can't be read"):
        BudgetPolicy.of(load_project(written(tmp_path, text), {}).budgets)
