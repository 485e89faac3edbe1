"""Each fault that the documentation promises something about names the test that proves it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ROW = re.compile(
    r"^\| (?!fault|-)(?P<fault>[^|]+) \|(?P<happens>[^|]+)\|(?P<lost>[^|]+)\|(?P<test>[^|]+)\|$", re.MULTILINE
)
TEST = re.compile(r"`(?P<file>(?:services/[\w-]+/)?tests/[\w/]+\.py)::(?P<name>test_\w+)`")


PAGES = ("faults.md", "secrets-rotation.md")


def rows(page: str) -> list[re.Match[str]]:
    return list(ROW.finditer(tables(page)))


def tables(page: str) -> str:
    """Return a page from its first table of faults on."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return text[text.index("| fault |") :]


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_table_is_read(page: str) -> None:
    lines = [line for line in tables(page).splitlines() if line.startswith("|")]
    heads = sum(line.startswith("| fault |") for line in lines)
    assert heads
    assert len(rows(page)) == len(lines) - 2 * heads


@pytest.mark.parametrize("page", PAGES)
def test_every_fault_names_a_test_that_exists(page: str) -> None:
    missing = []
    for row in rows(page):
        named = TEST.fullmatch(row["test"].strip())
        if named is None or named["name"] not in functions(named["file"]):
            missing.append(row["fault"])
    assert not missing


def test_every_fault_that_is_tried_stands_in_the_table() -> None:
    told = {named["name"] for row in rows("faults.md") if (named := TEST.search(row["test"]))}
    helpers = {"test_the_steps_are_those_of_a_deploy"}
    tried = functions("tests/integration/test_deploy_faults.py") | functions("tests/integration/test_killed.py")
    assert {name for name in tried if name.startswith("test_")} - helpers <= told
