"""What people and programs read of a judgement."""

from __future__ import annotations

import json

import pytest
from tests.unit.guardrails.conftest import Checkout

from optimus_ops.errors import OpsError, Refused
from optimus_ops.guardrails.command import explain, show_examples, show_rules
from optimus_ops.guardrails.serve.token import read_token

WIDE = "def show():\n    文 = 1; print(文)\n"


def test_the_terminal_shows_lines_and_carets_below_what_is_meant(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", WIDE)
    printed = checkout.check(as_json=False).printed
    assert "src/shop/web.py:2:12: error [no-prints] nothing prints: print\n" in printed
    source, carets = printed.splitlines()[2:4]
    assert source.endswith("2 |     文 = 1; print(文)")
    # The wide character takes two places on a terminal.
    assert carets.endswith(f"| {' ' * 12}^^^^^")
    assert "→ log" in printed
    assert "1 violation, 1 file judged" in printed


def test_what_a_file_holds_moves_no_cursor_of_the_terminal(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", "print('\x1b[2J\x07')\n")
    assert "\x1b" not in checkout.check(as_json=False).printed


def test_the_report_has_json_sarif_markdown_and_a_page(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", WIDE)
    folder = checkout.root.parent / "report"
    outcome = checkout.check(report=str(folder))
    assert {path.name for path in folder.iterdir()} == {
        "guardrails-result.json",
        "guardrails-result.md",
        "guardrails-result.html",
        "guardrails.sarif",
    }
    assert json.loads((folder / "guardrails-result.json").read_text("utf-8")) == outcome.document
    sarif = json.loads((folder / "guardrails.sarif").read_text("utf-8"))["runs"][0]
    assert sarif["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 12}
    assert sarif["tool"]["driver"]["rules"][0]["fullDescription"] == {"text": "logs are JSON"}
    assert "print(文)" in (folder / "guardrails-result.md").read_text("utf-8")


def test_a_workflow_gets_annotations(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    checkout.write("src/shop/web.py", WIDE)
    printed = checkout.check(as_json=False).printed
    assert "::error file=src/shop/web.py,line=2,col=12,title=no-prints::nothing prints: print" in printed


def test_warnings_are_told_and_fail_nothing(checkout: Checkout) -> None:
    policy = checkout.root / "policy.yaml"
    policy.write_text(
        policy.read_text("utf-8").replace("kind: calls\n", "kind: calls\n    severity: warning\n"), "utf-8"
    )
    checkout.write("src/shop/web.py", WIDE)
    outcome = checkout.check()
    assert (len(outcome.found), outcome.code) == (1, 0)


def test_base_and_all_exclude_each_other_and_a_base_must_exist(checkout: Checkout) -> None:
    assert checkout.check(base="main", everything=True).code == 2
    assert checkout.check(head="main", everything=True).code == 2
    assert checkout.check(base="nowhere").code == 2


def test_a_broken_cache_is_no_failure(checkout: Checkout) -> None:
    checkout.write("src/shop/web.py", WIDE)
    first = checkout.check().document
    for path in (checkout.root / ".optimus" / "guardrails").iterdir():
        path.write_bytes(b"[1")
    assert checkout.check().document == first
    assert checkout.check().document == first


def test_what_is_kept_is_in_no_commit_of_a_repository_that_ignores_nothing(checkout: Checkout) -> None:
    checkout.write(".gitignore", "")
    checkout.commit()
    checkout.check(everything=True)
    read_token(checkout.root / ".optimus" / "guardrails" / "token", make=True)
    assert checkout.git("status", "--porcelain", "--untracked-files=all") == b""


@pytest.mark.usefixtures("checkout")
def test_rules_are_listed_for_a_file_that_does_not_exist_yet(capsys: pytest.CaptureFixture[str]) -> None:
    show_rules("src/shop/store/new.py", as_json=True)
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)["rules"]] == [
        "layers",
        "no-sockets-in-store",
        "no-prints",
    ]
    show_rules("docs/page.md", as_json=True)
    assert json.loads(capsys.readouterr().out)["rules"] == []
    with pytest.raises(Refused):
        show_rules("../x.py", as_json=False)


@pytest.mark.usefixtures("checkout")
def test_a_rule_is_explained_and_an_unknown_one_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    explain("no-prints", as_json=False)
    assert "why: logs are JSON" in capsys.readouterr().out
    explain("guardrails/waiver", as_json=False)
    assert "expiry date" in capsys.readouterr().out
    with pytest.raises(Refused, match="no rule 'no-print'") as refused:
        explain("no-print", as_json=False)
    assert "did you mean no-prints?" in str(refused.value)


def test_examples_that_say_something_else_than_the_rule_are_told(checkout: Checkout) -> None:
    policy = checkout.root / "policy.yaml"
    examples = "    good: [{src/a.py: print(1)}]\n    bad: [{src/a.py: log(1)}, {src/a.py: 'def ('}]\n"
    policy.write_text(policy.read_text("utf-8") + examples, "utf-8")
    with pytest.raises(OpsError, match="differ from their examples"):
        show_examples(as_json=True)
    checks = {check["subject"]: check["found"] for check in json.loads(checkout.capsys.readouterr().out)["checks"]}
    assert (
        checks["no-prints"]
        == "good example 1 breaks it; bad example 1 does not break it; bad example 2 can't be parsed"
    )


def test_each_rule_wants_examples(checkout: Checkout) -> None:
    with pytest.raises(OpsError, match="differ from their examples"):
        show_examples(as_json=True)
    found = json.loads(checkout.capsys.readouterr().out)["checks"]
    assert {check["verdict"] for check in found} == {"failed"}
