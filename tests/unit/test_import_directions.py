"""Tasks load fast: what carries them out is imported when they are called. Who may import whom is in `policy.yaml`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.repository import CHECKOUT, imports_of

LIBRARY = CHECKOUT / "src" / "optimus_ops"
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
