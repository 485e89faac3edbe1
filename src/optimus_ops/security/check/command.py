"""`invoke secrets.check-security`: look at each area, apply the exceptions, report, and judge by severity."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.reports.place import Place
from optimus_ops.security.check.areas import AREAS, Area, chosen_areas
from optimus_ops.security.check.context import CheckContext
from optimus_ops.security.check.request import CheckRequest
from optimus_ops.security.exceptions import judge
from optimus_ops.security.model import ScanFinding, ScanResult
from optimus_ops.security.report_output import ReportOutput, end_by, show_report
from optimus_ops.security.scan_report import ScanReport, complete_tools
from optimus_ops.security.secret_files.source import SecretSource
from optimus_ops.security.settings import read_settings
from optimus_ops.text.console import Console

NAME = "check-security"
TASK = "secrets.check-security"


def check_security(request: CheckRequest) -> None:
    """Check the security of secrets and containers, and report.

    Raises:
        OpsError: there are findings of the severity, or above.
        MissingPrerequisite: an area that was asked for could not be looked at.
        Refused: the request or the exceptions can't be used.
    """
    limit, areas = request.limit, chosen_areas(request)
    project = load_project()
    settings = read_settings(project.root)
    console = Console.standard(json=request.json)
    with console.step("check") as progress:
        context = CheckContext(project, SecretSource.read(project), progress.show)
        results = look_at(areas, context)
    judged = judge(
        [finding for result in results for finding in result.findings],
        settings.exceptions,
        complete_tools(results),
        datetime.now(UTC).date(),
    )
    report = ScanReport(
        results,
        judged,
        limit,
        title="Security of secrets and containers",
        task=TASK,
        drivers=f"{TASK}/",
        noun="areas",
    )
    show_report(report, ReportOutput(NAME, request.command, request.json, request.report), console)
    end_by(report)


def look_at(areas: Iterable[Area], context: CheckContext) -> tuple[ScanResult, ...]:
    """Look at areas one after the other; one that can't be looked at doesn't keep the others from it."""
    wanted = list(areas)
    found = [_result(area, context) if area in wanted else _left_out(area) for area in AREAS]
    return tuple(found)


def _left_out(area: Area) -> ScanResult:
    return ScanResult(area.name, area.name, "", "left out", required=False, reason="not asked for")


def _result(area: Area, context: CheckContext) -> ScanResult:
    started = time.monotonic()
    context.note(area.name)
    result = ScanResult(area.name, area.name, "", "could not run", required=True)
    try:
        outcome = area.look(context)
    except OpsError as error:
        message, hint = (masked(text or "", context) for text in (error.message, error.hint))
        return replace(result, reason=message, hint=hint, seconds=time.monotonic() - started)
    findings = tuple(_masked(finding, context) for finding in dict.fromkeys(outcome.findings))
    return replace(
        result,
        state="could not run" if outcome.missing else "done",
        reason=outcome.missing or outcome.scope,
        hint=outcome.hint if outcome.missing else "",
        findings=findings,
        seconds=time.monotonic() - started,
    )


def _masked(finding: ScanFinding, context: CheckContext) -> ScanFinding:
    """Take values out of what names a finding: a file or a branch may be called like one."""
    place = Place(masked(finding.place.file, context), finding.place.line, finding.place.column)
    return replace(finding, message=masked(finding.message, context), hint=masked(finding.hint, context), place=place)


def masked(text: str, context: CheckContext) -> str:
    """Return a text with the names of values, the longest first, and of keys' forms in their place."""
    for form in context.values.forms:
        content = form.content.decode("utf-8", "replace")
        if content in text:
            text = text.replace(content, f"[{form.key}]")
    # Part by part of a path: what stands beside a slash may as well be base64.
    return "/".join(_without_keys(part, context) for part in text.split("/"))


def _without_keys(text: str, context: CheckContext) -> str:
    encoded = text.encode()
    for match in reversed(context.matcher.find(encoded)):
        encoded = encoded[: match.start] + f"[{match.identity}]".encode() + encoded[match.end :]
    return encoded.decode("utf-8", "replace")
