"""docs/tasks.md is what the tasks say."""

from __future__ import annotations

from scripts.task_reference import REFERENCE, reference
from tests.unit.repository import CHECKOUT

from optimus_ops.tasks.root import make_namespace


def test_the_reference_is_that_of_the_tasks() -> None:
    made = reference(make_namespace(CHECKOUT))
    assert REFERENCE.read_text("utf-8") == made, "run: python3 scripts/task_reference.py"


def test_every_flag_is_explained() -> None:
    rows = [line for line in REFERENCE.read_text("utf-8").splitlines() if line.startswith("| `--")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []
