"""`invoke secrets.validate`: what is wrong with the secrets, by name and line, never by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.secrets.environments import paths_in
from optimus_ops.secrets.paths import SecretsPaths, described_paths
from optimus_ops.secrets.provision import read_entries, validate
from optimus_ops.secrets.validate import Finding
from optimus_ops.text.console import Console, print_json


def check(*, json: bool, root: Path | None = None, environment: str = "", report: str = "") -> None:
    """Print what is wrong with the secrets; write it as a report into a folder where one is wanted."""
    paths = described_paths(load_project(root))
    if environment:
        paths = paths_in(paths, environment, read_entries(paths))
    findings = validate(paths)
    errors = [finding for finding in findings if finding.severity == "error"]
    if json:
        print_json({"ok": not errors, "findings": [asdict(finding) for finding in findings]})
    else:
        console = Console.standard()
        for finding in findings:
            console.say(finding_line(finding, console))
        if not findings:
            console.say(f"{console.paint('✓', '32')} {paths.secrets_file.name} is complete and private")
    if report:
        _leave(findings, paths, report, Console.standard(json=json))
    if errors:
        raise OpsError(f"{len(errors)} of the secrets' checks failed", "the lines above say what to do")


def finding_line(finding: Finding, console: Console) -> str:
    """Return one line for a finding."""
    mark = console.paint("✗", "31") if finding.severity == "error" else console.paint("!", "33")
    return f"{mark} {finding}"


def _leave(findings: Sequence[Finding], paths: SecretsPaths, folder: str, console: Console) -> None:
    """Write the report; what makes pages costs time that is only spent where one is wanted."""
    from optimus_ops.reports.files import leave_report  # noqa: PLC0415 - as above
    from optimus_ops.secrets.validation_report import REPORT, validation_report  # noqa: PLC0415 - as above

    leave_report(validation_report(findings, paths), folder, REPORT, console)
