"""The page of rules lists them as they are."""

from __future__ import annotations

from scripts.security_rules import PAGE, page

from optimus_ops.security.check.areas import AREAS


def test_the_table_of_rules_is_the_one_that_is_generated() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "run: .venv/bin/python -m scripts.security_rules"


def test_every_area_is_described() -> None:
    text = PAGE.read_text("utf-8")
    assert [area.name for area in AREAS if f"| `{area.name}` |" not in text] == []
