"""A command line that names a task of one subsystem, and nothing that another one could have."""

from __future__ import annotations

import pytest

from optimus_ops.tasks.named import collection_of, means_one_task, named_subsystem
from optimus_ops.tasks.root import contexts_of


@pytest.mark.parametrize(
    ("line", "alone"),
    [
        ("guardrails.check", True),
        ("guardrails.check --base main --json", True),
        ("guardrails.check --base=main", True),
        ("guardrails.explain sizes", True),
        ("guardrails.explain --rule sizes", False),  # told by the one who has read all of it
        ("guardrails.explain", False),
        ("guardrails.explain sizes status", False),
        ("guardrails.check status", False),
        ("guardrails.check --base", False),
        ("guardrails.check --base --json", False),
        ("guardrails.check --help", False),
        ("guardrails.check --nope", False),
        ("guardrails.nope", False),
        ("guardrails.check -", False),
    ],
)
def test_only_a_line_that_can_mean_no_other_task_is_taken(line: str, alone: bool) -> None:
    words = line.split()
    module = named_subsystem(words)
    assert module is not None
    assert means_one_task(words, contexts_of(collection_of(module))) is alone


@pytest.mark.parametrize("line", ["", "status", "nope.check", "tasks.check", "..", "--list", "redis.status", "a/b.c"])
def test_other_lines_name_no_subsystem(line: str) -> None:
    assert named_subsystem(line.split()) is None
