"""What `invoke secrets.validate` found, as a report."""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.reports.model import Finding, Paragraph, Run, Section
from optimus_ops.reports.place import Place
from optimus_ops.secrets import validate
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.text.units import counted

REPORT = "secrets-validate"


def validation_report(findings: Iterable[validate.Finding], paths: SecretsPaths) -> Run:
    """Return the findings with their places; names and lines, never values."""
    name = paths.secrets_file.name
    found = tuple(
        Finding(
            rule=f"secrets/{finding.rule}",
            level=finding.severity,
            message=f"{finding.subject} {finding.problem}",
            place=Place(name, finding.line or 0),
            hint=finding.hint,
        )
        for finding in findings
    )
    errors = sum(finding.level == "error" for finding in found)
    headline = f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}"
    blocks = found or (Paragraph(f"{name} is complete and private."),)
    facts = {"file": name, "environment": paths.environment or "any"}
    flag = f" --environment {paths.environment}" if paths.environment else ""
    command = f"invoke secrets.validate{flag} --report FOLDER"
    return Run("Secrets", headline, facts, (Section("Findings", blocks),), command)
