"""`invoke security.scan`: run the scanners, apply the exceptions, report, and judge by severity."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from optimus_ops.project.settings import load_project
from optimus_ops.security.checkout_files import read_checkout
from optimus_ops.security.duplicates import merged
from optimus_ops.security.exceptions import judge
from optimus_ops.security.model import ScanResult
from optimus_ops.security.report_output import ReportOutput, end_by, show_report
from optimus_ops.security.runner import SCAN_VARIABLE, run_scanners
from optimus_ops.security.scan_report import ScanReport, complete_tools
from optimus_ops.security.scan_request import ScanRequest
from optimus_ops.security.scanner import Scanner
from optimus_ops.security.scanners import SCANNERS, chosen_scanners
from optimus_ops.security.settings import read_settings
from optimus_ops.system.guard import guarded
from optimus_ops.text.console import Console

NAME = "security-scan"


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
    with (
        tempfile.TemporaryDirectory(prefix="security-scan-") as scratch,
        guarded(f"{SCAN_VARIABLE}={scratch}", folders=[Path(scratch)]),
        console.step("scan") as progress,
    ):
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
    show_report(report, ReportOutput(NAME, request.command, request.json, request.report), console)
    end_by(report)


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
