"""`invoke security.scan`: run the scanners, apply the exceptions, report, and judge by severity."""

from __future__ import annotations

import json as json_text
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.reports.files import write_report
from optimus_ops.reports.junit import junit
from optimus_ops.reports.model import Run
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.security.checkout_files import read_checkout
from optimus_ops.security.duplicates import merged
from optimus_ops.security.exceptions import judge
from optimus_ops.security.model import ScanResult
from optimus_ops.security.runner import run_scanners
from optimus_ops.security.scan_report import ScanReport, complete_tools, scan_json, scan_run, scan_sarif
from optimus_ops.security.scan_request import ScanRequest
from optimus_ops.security.scanner import Scanner
from optimus_ops.security.scanners import SCANNERS, chosen_scanners
from optimus_ops.security.settings import read_settings
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns

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
