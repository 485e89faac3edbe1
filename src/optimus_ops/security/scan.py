"""`invoke security.scan`: run the scanners, apply the exceptions, report, and judge by severity."""

from __future__ import annotations

import json as json_text
import shlex
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.junit import junit
from optimus_ops.reports.model import Run
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.security.checkout_files import read_checkout
from optimus_ops.security.exceptions import judge
from optimus_ops.security.model import SEVERITIES, ScanFinding, ScanResult, Severity
from optimus_ops.security.runner import run_scanners
from optimus_ops.security.scan_report import ScanReport, complete_tools, scan_json, scan_run, scan_sarif
from optimus_ops.security.scanner import Scanner
from optimus_ops.security.scanners import SCANNERS, chosen_scanners
from optimus_ops.security.settings import read_settings
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns

NAME = "security-scan"
Secret: TypeAlias = tuple[str, str, str]
"""What is the same for one secret in the work tree and in the history: rule, file, identity."""


@dataclass(frozen=True)
class ScanRequest:
    """What was asked for.

    Args:
        only: names of scanners; all where empty. One that is named is required.
        fail_on: the severity from which on findings make the scan fail.
        offline: leave out the scanners that need the network.
        report: folder of the report; "" for none.
    """

    only: tuple[str, ...] = ()
    fail_on: str = "medium"
    offline: bool = False
    json: bool = False
    report: str = ""

    @property
    def limit(self) -> Severity:
        """The severity from which on findings make the scan fail.

        Raises:
            Refused: there is no such severity.
        """
        for severity in SEVERITIES:
            if severity == self.fail_on:
                return severity
        raise Refused(f"--fail-on {self.fail_on}", f"severities: {', '.join(SEVERITIES)}")

    def required(self, scanner: Scanner, optional: Collection[str]) -> bool:
        """Tell whether the scan fails where a scanner could not run; `optional` are those of the project's settings."""
        return scanner.name in self.only or (scanner.required and scanner.name not in optional)

    @property
    def command(self) -> str:
        """The command line that asks for the same."""
        words = [*(word for name in self.only for word in ("--only", name))]
        words += ["--fail-on", self.fail_on] if self.fail_on != "medium" else []
        return shlex.join(["invoke", "security.scan", *words, *(["--offline"] if self.offline else [])])


def scan(request: ScanRequest) -> None:
    """Scan the checkout and report.

    Raises:
        OpsError: there are findings of the severity, or above.
        MissingPrerequisite: a required scanner could not run.
        Refused: the request, the exceptions or the checkout can't be used.
    """
    limit, scanners = request.limit, chosen_scanners(request.only)
    project = load_project()
    settings = read_settings(project.root)
    console = Console.standard(json=request.json)
    with tempfile.TemporaryDirectory(prefix="security-scan-") as scratch, console.step("scan") as progress:
        files = read_checkout(project)
        left_out = [scanner for scanner in scanners if request.offline and scanner.network]
        ran = run_scanners(
            [scanner for scanner in scanners if scanner not in left_out],
            files,
            Path(scratch),
            required=lambda scanner: request.required(scanner, settings.optional),
            note=progress.show,
        )
        results = _ordered(merged([*ran, *map(_left_out, left_out)]))
    found = [finding for result in results for finding in result.findings]
    judged = judge(found, settings.exceptions, _complete(results), datetime.now(UTC).date())
    report = ScanReport(results, judged, limit)
    _show(report, request, console)
    _end(report)


def merged(results: Iterable[ScanResult]) -> list[ScanResult]:
    """Return the results with each finding once.

    What is in the work tree and in the history has the place of now, and says in which commit it is.
    """
    found = list(results)
    history = {_secret(finding): finding for result in found if result.name == "history" for finding in result.findings}
    present = {_secret(finding) for result in found if result.name == "secrets" for finding in result.findings}
    return [replace(result, findings=tuple(_once(result, history, present))) for result in found]


def _once(result: ScanResult, history: Mapping[Secret, ScanFinding], present: Collection[Secret]) -> list[ScanFinding]:
    found = dict.fromkeys(result.findings)
    if result.name == "history":
        return [finding for finding in found if _secret(finding) not in present]
    if result.name == "secrets":
        return [replace(history.get(_secret(finding), finding), place=finding.place) for finding in found]
    return list(found)


def _secret(finding: ScanFinding) -> Secret:
    return finding.id, finding.place.file, finding.identity


def _ordered(results: Iterable[ScanResult]) -> tuple[ScanResult, ...]:
    order = [scanner.name for scanner in SCANNERS]
    return tuple(sorted(results, key=lambda result: order.index(result.name)))


def _left_out(scanner: Scanner) -> ScanResult:
    return ScanResult(
        scanner.name, scanner.tool, scanner.version(), "left out", False, "it needs the network", "leave --offline out"
    )


def _complete(results: Iterable[ScanResult]) -> set[str]:
    """Return the tools that scanned all that they can: without the history, an exception for it may seem unused."""
    found = list(results)
    names = {result.name for result in found}
    partial = {scanner.tool for scanner in SCANNERS if scanner.name not in names}
    return complete_tools(found) - partial


def _show(report: ScanReport, request: ScanRequest, console: Console) -> None:
    run = scan_run(report, request.command)
    document = scan_json(report, run)
    paths = _write(report, run, Path(request.report), document) if request.report else ()
    if request.json:
        print_json(document)
    else:
        console.stream.write(terminal_text(run, colour=console.colour, columns=layout_columns(console.stream)))
    for path in paths:
        console.say(f"wrote {path}")


def _write(report: ScanReport, run: Run, folder: Path, document: dict[str, Any]) -> tuple[Path, ...]:
    """Write the report's files, and JUnit and SARIF beside them."""
    paths = write_report(run, folder, NAME, document)
    others = {
        folder / f"{NAME}.xml": junit(run),
        folder / f"{NAME}.sarif": json_text.dumps(scan_sarif(report), indent=1) + "\n",
    }
    for path, text in others.items():
        path.write_text(text, "utf-8")
    return (*paths, *others)


def _end(report: ScanReport) -> None:
    """Raise what the scan ends with."""
    silent = "; ".join(f"{found.name}: {found.reason}" for found in report.not_run)
    hints = "\n  ".join(found.hint for found in report.not_run if found.hint)
    if report.failing:
        count = len(report.failing)
        also = f"; and required scanners could not run: {silent}" if silent else ""
        raise OpsError(f"{count} findings of severity {report.limit} or above{also}", hints or None)
    if silent:
        raise MissingPrerequisite(f"required scanners could not run: {silent}", hints or None)
