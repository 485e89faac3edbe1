"""The check of the operator's secrets, for `invoke doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.checks.model import Check
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.doctor.model import DoctorContext
    from optimus_ops.secrets.validate import Finding

CHECKOUT, NAME = "checkout", "secrets"


def doctor_checks(context: DoctorContext) -> Iterator[Check]:
    """Check that the secrets are complete and private."""
    paths = SecretsPaths.of(context.project)
    if not paths.described:
        found = f"the project has no {paths.example.name} that describes its secrets"
        yield Check(CHECKOUT, NAME, "ok", found)
        return
    yield check_secrets(validate(paths), exists=paths.secrets_file.exists(), name=paths.secrets_file.name)


def check_secrets(findings: Sequence[Finding], *, exists: bool, name: str) -> Check:
    """Return the verdict on the findings about a file of secrets."""
    if not exists:
        return Check(CHECKOUT, NAME, "ok", f"{name} is not there yet; the first `invoke scale` makes it")
    errors = [finding for finding in findings if finding.severity == "error"]
    if not findings:
        return Check(CHECKOUT, NAME, "ok", f"{name} is complete and private")
    found = "; ".join(f"{finding.subject} {finding.problem}" for finding in findings)
    hint = "; ".join(dict.fromkeys(finding.hint for finding in errors or findings))
    return Check(CHECKOUT, NAME, "failed" if errors else "warning", found, hint)
