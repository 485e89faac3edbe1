from __future__ import annotations

import pytest
from rich.table import Table

from optimus_ops.checks.model import Check, Verdict, count_verdicts, worst
from optimus_ops.checks.render import check_json, check_list, check_table, summary
from optimus_ops.text.table import render

CHECKS = (
    Check("redis-0", "memory", "ok", "12M of 192M", figures={"bytes": 12}),
    Check("redis-0", "acl", "not allowed", "ACL LIST", "allow it"),
    Check("redis-1", "memory", "failed", "full", prerequisite=True),
)


def shown(table: Table) -> list[str]:
    return render([table], colour=False, columns=80).splitlines()


def test_a_table_names_each_subject_once_and_says_below_what_to_do() -> None:
    assert shown(check_table(CHECKS)) == [
        "WHERE    CHECK   VERDICT      FOUND",
        "redis-0  memory  ok           12M of 192M",
        "         acl     not allowed  ACL LIST",
        "                              → allow it",
        "redis-1  memory  failed       full",
    ]


def test_a_list_has_a_sign_for_each_verdict() -> None:
    assert shown(check_list(CHECKS)) == [
        "✓ memory  12M of 192M",
        "? acl     ACL LIST",
        "          → allow it",
        "✗ memory  full",
    ]


def test_verdicts_are_counted() -> None:
    assert summary(CHECKS) == "3 checks: 1 ok, 0 warning, 1 failed, 1 not allowed"
    assert summary(CHECKS[:1]) == "1 check: 1 ok, 0 warning, 0 failed, 0 not allowed"
    assert count_verdicts([])["ok"] == 0


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        (["ok", "not allowed"], "not allowed"),
        (["warning", "not allowed"], "warning"),
        (["failed", "warning"], "failed"),
        ([], "ok"),
    ],
)
def test_the_worst_verdict(verdicts: list[Verdict], found: Verdict) -> None:
    assert worst(verdicts) == found


def test_a_document_has_the_figures_and_leaves_prerequisites_to_the_exit_code() -> None:
    assert check_json(CHECKS[0]) == {
        "subject": "redis-0",
        "name": "memory",
        "verdict": "ok",
        "found": "12M of 192M",
        "hint": "",
        "figures": {"bytes": 12},
    }
