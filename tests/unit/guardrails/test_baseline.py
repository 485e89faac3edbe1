"""A repository adopts rules: what is known has an owner and a last day, and a stale entry is an error."""

from __future__ import annotations

import os

import pytest
from tests.unit.guardrails.conftest import Checkout

from optimus_ops.errors import OpsError, Refused
from optimus_ops.guardrails.baseline import FILE, parse_baseline
from optimus_ops.guardrails.command import write_baseline

PRINTS = "print(1)\nprint(2)\n"


def rules(checkout: Checkout) -> list[str]:
    return [rule for rule, _, _ in checkout.check(everything=True).found]


def test_known_violations_fail_nothing_and_new_ones_do(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", PRINTS)
    write_baseline("platform", "2999-01-01")
    assert rules(checkout) == []
    checkout.write("src/shop/web.py", f"x = 1\n{PRINTS}print(3)\n")
    assert checkout.check(everything=True).found == [("no-prints", "src/shop/web.py", 4)]


def test_an_entry_that_nothing_needs_is_an_error(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", PRINTS)
    write_baseline("platform", "2999-01-01")
    checkout.write("src/shop/web.py", "print(1)\n")
    outcome = checkout.check(everything=True)
    assert outcome.code == 1
    assert outcome.document["violations"] == [
        {
            "rule": "guardrails/baseline",
            "level": "error",
            "message": "baseline",
            "detail": "no-prints in src/shop/web.py nothing needs it any more",
            "file": FILE,
            "line": 8,
            "column": 3,
            "end_column": 0,
            "matched": "no-prints src/shop/web.py print(2)",
            "hint": "take it out: invoke guardrails.baseline",
            "notes": [],
        }
    ]


def test_an_entry_that_expired_is_an_error_beside_what_it_hid(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", "print(1)\n")
    write_baseline("platform", "2999-01-01")
    path = checkout.root / FILE
    path.write_text(path.read_text("utf-8").replace("2999-01-01", "2020-01-01"), "utf-8")
    outcome = checkout.check(everything=True)
    assert sorted(rule for rule, _, _ in outcome.found) == ["guardrails/baseline", "no-prints"]
    assert "expired on 2020-01-01 (platform)" in str(outcome.document["violations"])


def test_a_new_baseline_keeps_owners_and_days_and_drops_what_is_mended(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", "print(1)\n")
    write_baseline("first", "2998-01-01")
    checkout.write("src/shop/web.py", "print(1)\n")
    checkout.write("src/shop/store.py", "print(1)\n")
    write_baseline("second", "2999-01-01")
    entries = parse_baseline((checkout.root / FILE).read_text("utf-8"))
    assert {(entry.path, entry.owner, entry.expires.year) for entry in entries} == {
        ("src/shop/web.py", "first", 2998),
        ("src/shop/store.py", "second", 2999),
    }


def test_an_entry_repeats_its_owner_and_its_day_and_is_of_a_file_of_any_name(checkout: Checkout) -> None:
    checkout.write(os.fsdecode(b"src/shop/caf\xe9\t.py"), PRINTS)
    write_baseline("platform", "2999-01-01")
    assert (checkout.root / FILE).read_text("utf-8").count("expires: 2999-01-01\n") == 2
    assert rules(checkout) == []


@pytest.mark.parametrize(("owner", "until"), [("", "2999-01-01"), ("a", ""), ("a", "soon"), ("a", "2020-01-01")])
def test_an_owner_and_a_day_to_come_are_wanted(checkout: Checkout, owner: str, until: str) -> None:
    with pytest.raises(Refused):
        write_baseline(owner, until)
    assert not (checkout.root / FILE).exists()


def test_what_can_not_be_judged_is_never_accepted(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", "def (:\n")
    with pytest.raises(OpsError, match="not judged"):
        write_baseline("platform", "2999-01-01")
    assert rules(checkout) == ["guardrails/syntax"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("entries: [{rule: a}]", "1:11: an entry needs the key 'path'"),
        ("entries: [{rule: a, path: b, text: c, owner: d, expires: soon}]", "1:58: a date is expected"),
        ("entry: []", "1:1: a baseline has no key 'entry'"),
    ],
)
def test_a_mistake_in_the_baseline_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_baseline(text)
    assert str(refused.value).startswith(f"{FILE}:{told}")
