"""`secrets.check-security` as a command: areas, exit codes, exceptions, reports, and no value in any of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.security.conftest import AWS_KEY, Outcome, Repository

from optimus_ops.errors import OpsError
from optimus_ops.security.check.areas import AREAS
from optimus_ops.security.check.command import check_security
from optimus_ops.security.check.request import CheckRequest
from optimus_ops.security.exposure.providers import KEY_FORMS
from optimus_ops.security.model import SEVERITIES

CANARY = "Qm4zT7vW" + "1xB9nR5kLc8Yp2"
LOCAL = ("files", "values", "git", "work-tree")
IGNORED = ".env.secrets\n.env.secrets.*\n.optimus/\nreports/\n"


@pytest.fixture
def checkout(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A clean checkout with a file of secrets, and no engine that could be asked."""
    for name in ("OPTIMUS_SECRETS_FILE", "OPTIMUS_SECRETS_DIR", "OPTIMUS_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{repository.root}/no-engine.sock")
    repository.root.chmod(0o755)
    repository.commit(".gitignore", IGNORED)
    repository.write(".env.secrets", f"API_TOKEN={CANARY}\n").chmod(0o600)
    return repository


def check(checkout: Repository, *only: str, **options: Any) -> Outcome:
    request = CheckRequest(only, json=True, **options)
    outcome = Outcome.of(lambda: check_security(request), checkout.capsys)
    assert CANARY not in outcome.everything
    assert AWS_KEY not in outcome.everything
    return outcome


def test_a_clean_checkout_ends_with_0(checkout: Repository) -> None:
    outcome = check(checkout, *LOCAL)
    assert outcome.rules == []
    assert outcome.code == 0
    assert {name for name in (area.name for area in AREAS) if outcome.scanner(name)["state"] == "done"} == set(LOCAL)


def test_a_finding_at_the_severity_ends_with_1_and_one_below_it_with_0(checkout: Repository) -> None:
    checkout.write(".env.secrets", f"API_TOKEN={CANARY}\nOTHER=changeme\n")
    assert check(checkout, "values").code == 1
    outcome = check(checkout, "values", severity="critical")
    assert outcome.rules == ["values/placeholder"]
    assert outcome.code == 0


@pytest.mark.parametrize(
    "options", [{"only": ("nonsense",)}, {"severity": "worst"}, {"only": ("images",), "images": False}]
)
@pytest.mark.usefixtures("checkout")
def test_what_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OpsError) as raised:
        check_security(CheckRequest(**options))
    assert raised.value.exit_code == 2


def test_without_an_engine_what_needs_it_is_named_and_the_check_ends_with_3(checkout: Repository) -> None:
    outcome = check(checkout, "files", "images", "containers", "running")
    assert outcome.code == 3
    assert {name: outcome.scanner(name)["state"] for name in ("files", "images", "containers", "running")} == {
        "files": "done",
        **dict.fromkeys(("images", "containers", "running"), "could not run"),
    }


def test_findings_count_also_where_another_area_could_not_be_looked_at(checkout: Repository) -> None:
    checkout.commit("leak", CANARY)
    outcome = check(checkout, "git", "images")
    assert outcome.code == 1
    assert "images" in str(outcome.error)


def test_what_is_left_out_on_purpose_is_not_required(checkout: Repository) -> None:
    outcome = check(checkout, images=False, containers=False)
    assert {name: outcome.scanner(name)["state"] for name in ("images", "containers", "running")} == dict.fromkeys(
        ("images", "containers", "running"), "left out"
    )
    assert outcome.code == 0


def exception(checkout: Repository, rule: str, path: str, days: int) -> None:
    day = (datetime.now(UTC) + timedelta(days=days)).date()
    table = f'rule = "{rule}"\npath = "{path}"\nreason = "a test"\nexpires = {day}\n'
    checkout.write("pyproject.toml", f"[[tool.optimus-ops.security.exceptions]]\n{table}")


def test_an_exception_with_a_reason_hides_a_finding_until_its_last_day(checkout: Repository) -> None:
    checkout.write("leak", AWS_KEY)
    exception(checkout, "work-tree/key-aws-access-key", "leak", 1)
    outcome = check(checkout, "work-tree")
    assert outcome.code == 0
    assert [found["reason"] for found in outcome.document["excepted"]] == ["a test"]
    exception(checkout, "work-tree/key-aws-access-key", "leak", -1)
    outcome = check(checkout, "work-tree")
    assert outcome.code == 1
    assert set(outcome.rules) == {"work-tree/key-aws-access-key", "security/expired-exception"}


def test_an_exception_can_be_for_one_key_of_a_file(checkout: Repository) -> None:
    checkout.write(".env.secrets", f"API_TOKEN={CANARY}\nFIRST=changeme\nSECOND=your-key\n")
    exception(checkout, "values/placeholder", ".env.secrets#FIRST", 1)
    outcome = check(checkout, "values")
    assert [found["message"] for found in outcome.document["findings"]] == ["SECOND is a placeholder (high)"]


def test_an_exception_that_nothing_needs_is_said_only_where_its_area_was_looked_at(checkout: Repository) -> None:
    exception(checkout, "git/key-aws-access-key", "leak", 1)
    assert check(checkout, "values").rules == []
    assert check(checkout, "git").rules == ["security/unused-exception"]


def test_no_file_of_a_report_holds_a_value_and_each_area_has_a_run_in_sarif(checkout: Repository) -> None:
    checkout.commit(f"notes/{CANARY}", f"{CANARY} {AWS_KEY}")
    checkout.commit(f"notes/{AWS_KEY}/file", AWS_KEY)
    checkout.git("tag", "--annotate", "v1", "--message", CANARY)
    folder = checkout.root / "reports"
    outcome = check(checkout, *LOCAL, report=str(folder))
    assert outcome.code == 1
    files = {path.suffix: path.read_text("utf-8") for path in folder.iterdir()}
    assert files.keys() == {".md", ".html", ".json", ".xml", ".sarif"}
    for text in files.values():
        assert CANARY not in text
        assert AWS_KEY not in text
    check_sarif(json.loads(files[".sarif"]))


def check_sarif(document: dict[str, Any]) -> None:
    """Hold a document against what the schema of SARIF 2.1.0 demands of what is in it."""
    assert document["version"] == "2.1.0"
    names = [run["tool"]["driver"]["name"] for run in document["runs"]]
    assert names == [*(f"secrets.check-security/{name}" for name in LOCAL), "secrets.check-security"]
    results = [result for run in document["runs"] for result in run["results"]]
    assert results
    for run in document["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert len(set(rules)) == len(rules)
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in {"none", "note", "warning", "error"}
            assert result["message"]["text"]
            for location in result["locations"]:
                where = location["physicalLocation"]
                assert where["artifactLocation"]["uri"]
                assert where.get("region", {"startLine": 1})["startLine"] >= 1


def test_for_people_the_worst_findings_come_first(checkout: Repository, tmp_path: Path) -> None:
    checkout.write(".env.secrets", f"API_TOKEN={CANARY}\nOTHER=changeme\n")
    checkout.commit("leak", CANARY)
    check(checkout, *LOCAL, report=str(tmp_path / "out"))
    text = (tmp_path / "out" / "check-security.md").read_text("utf-8")
    assert text.index("git/secret-value") < text.index("values/placeholder")
    assert CANARY not in text


def test_rules_have_names_severities_and_advice_of_their_own() -> None:
    rules = [rule for area in AREAS for rule in area.rules]
    assert len({rule.id for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.severity in SEVERITIES
        assert rule.finds
        assert rule.hint
    assert len([rule for rule in rules if rule.id.startswith("git/key-")]) == len(KEY_FORMS)
