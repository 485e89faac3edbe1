"""A range of commits is judged without checking it out: by its own policy, from its merge base."""

from __future__ import annotations

import pytest
from tests.unit.guardrails.conftest import POLICY, Checkout

PRINTING = "def show():\n    print(1)\n"


@pytest.fixture
def changed(checkout: Checkout) -> Checkout:
    """Return a checkout of main, beside whose branch `change` main went on."""
    checkout.write("src/shop/web.py", PRINTING)
    checkout.write("src/shop_tools.py", "import socket\n")
    checkout.git("mv", "src/shop/store.py", "src/shop/stock.py")
    checkout.write("policy.yaml", POLICY.replace("store", "stock"))
    checkout.commit()
    checkout.git("switch", "--quiet", "main")
    checkout.write("src/shop/other.py", PRINTING)
    checkout.commit()
    return checkout


FOUND = [("no-prints", "src/shop/web.py", 2), ("no-sockets-in-stock", "src/shop_tools.py", 1)]


def test_a_commit_is_judged_by_its_own_policy(changed: Checkout) -> None:
    outcome = changed.check(head="change")
    errors = [each for each in outcome.document["violations"] if each["level"] == "error"]
    assert [(each["rule"], each["file"], each["line"]) for each in errors] == FOUND
    assert outcome.code == 1


def test_the_work_tree_is_not_looked_at(changed: Checkout) -> None:
    changed.write("src/shop/web.py", "def (")
    changed.write("src/shop/new.py", PRINTING)
    assert {file for _, file, _ in changed.check(head="change").found} == {"src/shop/web.py", "src/shop_tools.py"}


def test_files_that_archives_leave_out_are_judged(changed: Checkout) -> None:
    changed.git("switch", "--quiet", "change")
    changed.write(".gitattributes", "src/** export-ignore\n")
    changed.commit()
    changed.git("switch", "--quiet", "main")
    assert set(FOUND) <= set(changed.check(head="change").found)


@pytest.mark.parametrize(("base", "head"), [("main", "nowhere"), ("nowhere", "change"), ("main", "--output=x")])
def test_a_commit_that_is_not_there_is_refused(changed: Checkout, base: str, head: str) -> None:
    assert changed.check(base=base, head=head).code == 2
    assert not (changed.root / "x").exists()


def test_a_commit_without_a_policy_and_histories_apart_are_refused(changed: Checkout) -> None:
    changed.git("switch", "--quiet", "--orphan", "apart")
    changed.commit()
    assert changed.check(base="main", head="apart").code == 2
    changed.write("policy.yaml", POLICY)
    changed.commit()
    assert changed.check(base="main", head="apart").code == 2
