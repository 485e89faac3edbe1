"""The report of a scan: scanners with their verdicts, findings, exceptions; SARIF with one run for each tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from optimus_ops.checks.model import Check, Verdict
from optimus_ops.reports import json_document
from optimus_ops.reports.model import Paragraph, Run, Section, Table
from optimus_ops.reports.sarif import sarif
from optimus_ops.reports.spans import Span
from optimus_ops.security.exceptions import Judged
from optimus_ops.security.model import SEVERITIES, ScanFinding, ScanResult, Severity, at_least

SECURITY_SEVERITY: Mapping[Severity, str] = {"low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}
"""What GitHub sorts findings by: the middle of each class of CVSS (https://www.first.org/cvss/specification-document)."""


@dataclass(frozen=True)
class ScanReport:
    """What a scan found, and the severity from which on it fails.

    Args:
        title: its headline.
        task: the task whose own findings, as of exceptions, are the last run in SARIF.
        drivers: what stands before the names of tools there.
        noun: what looks for findings.
    """

    results: tuple[ScanResult, ...]
    judged: Judged
    limit: Severity
    title: str = "Security scan"
    task: str = "security.scan"
    drivers: str = ""
    noun: str = "scanners"

    @property
    def failing(self) -> tuple[ScanFinding, ...]:
        """The findings that make the scan fail."""
        return tuple(found for found in self.judged.counting if at_least(found.severity, self.limit))

    @property
    def not_run(self) -> tuple[ScanResult, ...]:
        """The required scanners that could not run."""
        return tuple(found for found in self.results if found.required and found.state == "could not run")

    def counting_of(self, result: ScanResult) -> tuple[ScanFinding, ...]:
        """Return the findings of one scanner that count."""
        counting = set(self.judged.counting)
        return tuple(found for found in result.findings if found in counting)


def headline(report: ScanReport) -> Span:
    """Return the result in one sentence."""
    counts = {name: sum(found.severity == name for found in report.judged.counting) for name in reversed(SEVERITIES)}
    several = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no findings"
    parts = [f"{several} (fails from {report.limit})"]
    if report.judged.excepted:
        parts.append(f"{len(report.judged.excepted)} excepted")
    silent = [found.name for found in report.results if found.state == "could not run"]
    if silent:
        parts.append(f"could not run: {', '.join(silent)}")
    return Span("; ".join(parts), "bad" if report.failing or report.not_run else "good")


def scan_run(report: ScanReport, command: str) -> Run:
    """Return the report for people."""
    worst_first = sorted(report.judged.counting, key=lambda found: -SEVERITIES.index(found.severity))
    findings = tuple(found.reported for found in worst_first) or (Paragraph("None."),)
    sections = [Section(report.noun.capitalize(), tuple(_check(report, found) for found in report.results))]
    sections.append(Section("Findings", findings))
    if report.judged.excepted:
        sections.append(Section("Excepted", (_exceptions(report),)))
    return Run(report.title, headline(report), sections=tuple(sections), command=command)


def _exceptions(report: ScanReport) -> Table:
    """Return the exceptions that were needed, and for how many findings."""
    counts = Counter(exception for _, exception in report.judged.excepted)
    rows = tuple(
        (found.rule, Span(found.path, code=True), str(count), str(found.expires), found.reason)
        for found, count in counts.items()
    )
    return Table(("rule", "path", "findings", "expires", "reason"), rows, frozenset({"findings"}))


def _check(report: ScanReport, result: ScanResult) -> Check:
    counting = report.counting_of(result)
    tool = f"{result.tool} {result.version}".strip()
    excepted = len(result.findings) - len(counting)
    also = f" and {excepted} excepted" if excepted else ""
    done = f"{len(counting)} findings{also} in {result.reason}"
    return Check(
        tool,
        result.name,
        _verdict(report, result, counting),
        done if result.state == "done" else f"{result.state}: {result.reason}",
        result.hint,
        figures={"findings": len(counting), "seconds": round(result.seconds, 1), "state": result.state},
        prerequisite=result.state == "could not run",
    )


def _verdict(report: ScanReport, result: ScanResult, counting: Iterable[ScanFinding]) -> Verdict:
    if result.state == "could not run":
        return "failed" if result.required else "warning"
    if result.state == "left out":
        return "warning"
    severities = [found.severity for found in counting]
    if any(at_least(found, report.limit) for found in severities):
        return "failed"
    return "warning" if severities else "ok"


def scan_json(report: ScanReport, run: Run) -> dict[str, Any]:
    """Return the report as a JSON object."""
    scanners = [{**asdict(result), "findings": len(report.counting_of(result))} for result in report.results]
    return {
        **json_document.document(run),
        "fails_from": report.limit,
        "scanners": scanners,
        "findings": [_finding(found) for found in report.judged.counting],
        "excepted": [
            {**_finding(found), "reason": exception.reason, "expires": exception.expires.isoformat()}
            for found, exception in report.judged.excepted
        ],
    }


def _finding(found: ScanFinding) -> dict[str, Any]:
    return {**asdict(found.reported), "severity": found.severity}


def scan_sarif(report: ScanReport) -> dict[str, Any]:
    """Return the findings as SARIF: a run for each tool all of whose scanners ran.

    Code scanning takes a run without a result as "mended", so a tool that could not run must not have one.
    """
    tools = {result.tool: result.version for result in report.results if result.tool in complete_tools(report.results)}
    by_tool = {tool: [found for found in report.judged.counting if found.tool == tool] for tool in tools}
    by_tool["security"] = [found for found in report.judged.counting if found.tool == "security"]
    documents = [sarif((found.reported for found in by_tool[tool]), tool, tools.get(tool, "")) for tool in by_tool]
    severities = {found.id: found.severity for found in report.judged.counting}
    runs = [run for document in documents for run in document["runs"]]
    for run in runs:
        driver = run["tool"]["driver"]
        driver["name"] = report.task if driver["name"] == "security" else f"{report.drivers}{driver['name']}"
        if not driver["version"]:
            del driver["version"]
        for rule in driver["rules"]:
            severity = SECURITY_SEVERITY[severities[rule["id"]]]
            rule["properties"] = {"tags": ["security"], "security-severity": severity}
    return {**documents[0], "runs": runs}


def complete_tools(results: Iterable[ScanResult]) -> set[str]:
    """Return the tools all of whose scanners that were asked for did their work."""
    found = list(results)
    return {result.tool for result in found} - {
        result.tool for result in found if result.state not in {"done", "nothing to scan"}
    }
