"""The report of a scan: verdicts, exit codes, SARIF with one run for each tool."""

from __future__ import annotations

import pytest

from optimus_ops.checks.model import Check
from optimus_ops.reports.place import Place
from optimus_ops.security.duplicates import merged
from optimus_ops.security.exceptions import Judged
from optimus_ops.security.model import SEVERITIES, ScanFinding, ScanResult, Severity, at_least
from optimus_ops.security.scan_report import ScanReport, headline, scan_run, scan_sarif


def finding(tool: str, rule: str = "R1", severity: Severity = "high", line: int = 2, identity: str = "") -> ScanFinding:
    return ScanFinding(tool, rule, severity, "wrong", Place("a/b.yml", line), "mend it", identity)


def report(*results: ScanResult, limit: Severity = "medium") -> ScanReport:
    found = tuple(finding for result in results for finding in result.findings)
    return ScanReport(results, Judged(found, ()), limit)


SILENT = ScanResult("workflows", "zizmor", "1.0", "could not run", required=True, reason="it crashed")
HADOLINT = ScanResult("dockerfiles", "hadolint", "2.0", "done", required=True, findings=(finding("hadolint"),))


def test_a_tool_that_could_not_run_has_no_run_that_would_close_its_alerts() -> None:
    document = scan_sarif(report(HADOLINT, SILENT))
    runs = {run["tool"]["driver"]["name"]: run["results"] for run in document["runs"]}
    assert list(runs) == ["hadolint", "security.scan"]
    assert [result["ruleId"] for result in runs["hadolint"]] == ["hadolint/R1"]


def test_a_tool_of_two_scanners_has_one_run_only_if_both_ran() -> None:
    secrets = ScanResult("secrets", "gitleaks", "8", "done", required=True, findings=(finding("gitleaks", line=1),))
    history = ScanResult("history", "gitleaks", "8", "done", required=True, findings=(finding("gitleaks", line=9),))
    (gitleaks, _) = scan_sarif(report(secrets, history))["runs"]
    assert len(gitleaks["results"]) == 2
    shallow = ScanResult("history", "gitleaks", "8", "could not run", required=True)
    assert [run["tool"]["driver"]["name"] for run in scan_sarif(report(secrets, shallow))["runs"]] == ["security.scan"]


def test_each_rule_has_the_severity_that_code_scanning_sorts_by() -> None:
    rules = scan_sarif(report(HADOLINT))["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["properties"]["security-severity"] for rule in rules] == ["8.0"]


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("limit", SEVERITIES)
def test_findings_of_the_limit_and_above_fail(severity: Severity, limit: Severity) -> None:
    result = ScanResult("a", "hadolint", "2", "done", required=True, findings=(finding("hadolint", severity=severity),))
    assert bool(report(result, limit=limit).failing) == (SEVERITIES.index(severity) >= SEVERITIES.index(limit))
    assert at_least(severity, limit) == bool(report(result, limit=limit).failing)


def test_a_required_scanner_that_could_not_run_is_a_failed_check_and_named_in_the_headline() -> None:
    found = report(HADOLINT, SILENT)
    checks = [block for block in scan_run(found, "").sections[0].blocks if isinstance(block, Check)]
    verdicts = {check.name: check.verdict for check in checks}
    assert verdicts == {"dockerfiles": "failed", "workflows": "failed"}
    assert "could not run: workflows" in headline(found).text


def test_a_finding_that_a_tool_repeats_is_one() -> None:
    twice = ScanResult("a", "hadolint", "2", "done", required=True, findings=(finding("hadolint"), finding("hadolint")))
    assert [len(result.findings) for result in merged([twice])] == [1]
