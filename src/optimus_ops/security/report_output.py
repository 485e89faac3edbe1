"""A report of findings as people and programs want it, and how a task ends with it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.reports.files import leave_report
from optimus_ops.reports.junit import junit
from optimus_ops.reports.terminal import print_run
from optimus_ops.security.scan_report import ScanReport, scan_json, scan_run, scan_sarif
from optimus_ops.text.console import Console, print_json


@dataclass(frozen=True)
class ReportOutput:
    """Where a report goes.

    Args:
        name: of its files.
        command: the command line that asks for it.
        json: whether programs read standard output.
        folder: of its files; "" for none.
    """

    name: str
    command: str
    json: bool = False
    folder: str = ""


def show_report(report: ScanReport, output: ReportOutput, console: Console) -> None:
    """Print a report, and write it into files."""
    run = scan_run(report, output.command)
    document = scan_json(report, run)
    if output.json:
        print_json(document)
    else:
        print_run(run, console)
    if output.folder:
        sarif = json.dumps(scan_sarif(report), indent=1) + "\n"
        beside = {f"{output.name}.xml": junit(run), f"{output.name}.sarif": sarif}
        leave_report(run, output.folder, output.name, console, document, beside=beside)


def end_by(report: ScanReport) -> None:
    """Raise what a report ends a task with.

    Raises:
        OpsError: there are findings of the severity, or above.
        MissingPrerequisite: something that is required could not be looked at.
    """
    silent = "; ".join(f"{found.name}: {found.reason}" for found in report.not_run)
    hints = "\n  ".join(found.hint for found in report.not_run if found.hint)
    noun = report.noun
    if report.failing:
        count = len(report.failing)
        also = f"; and required {noun} could not run: {silent}" if silent else ""
        raise OpsError(f"{count} findings of severity {report.limit} or above{also}", hints or None)
    if silent:
        raise MissingPrerequisite(f"required {noun} could not run: {silent}", hints or None)
