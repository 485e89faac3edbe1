"""docs/migrations.md is true: its rules and tests exist, its example is the one that is tested."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from optimus_ops.migrations import job
from optimus_ops.migrations.rules import BUILTIN, SQUAWK

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "migrations.md").read_text("utf-8")
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
TABLE = PAGE.partition("| what | rules |")[2].partition("\n\n")[0]


def test_each_test_that_it_names_exists() -> None:
    names = re.findall(r"`(test_\w+)`", PAGE)
    assert names
    assert [name for name in names if f"def {name}(" not in TESTS] == []


def test_each_rule_that_it_names_exists_and_none_is_missing() -> None:
    patterns = [name.replace("…", ".*") for name in re.findall(r"`([a-z…-]+)`", TABLE)]
    rules = {*BUILTIN, *SQUAWK}
    assert [one for one in patterns if not any(re.fullmatch(one, rule) for rule in rules)] == []
    assert [rule for rule in sorted(rules) if not any(re.fullmatch(one, rule) for one in patterns)] == []


def test_its_example_of_an_index_is_the_tested_one() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    tested = (ROOT / "tests" / "e2e" / "test_memory_migrations_job.py").read_text("utf-8")
    assert textwrap.dedent(example) in tested


def test_it_names_each_label() -> None:
    assert [label for label in (job.REVISION, job.SQL, job.DOWNGRADE) if label not in PAGE] == []
