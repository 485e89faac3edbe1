from __future__ import annotations

from optimus_ops.secrets.doctor_checks import check_secrets
from optimus_ops.secrets.validate import Finding


def test_secrets_are_judged_by_their_gravest_finding() -> None:
    error = Finding("KEY", "is missing", "set it")
    warning = Finding("ODD", "is unknown", "delete it", "warning")

    def judged(*findings: Finding, exists: bool = True) -> str:
        return check_secrets(findings, exists=exists, name=".env.secrets").verdict

    assert judged() == "ok"
    assert judged(warning) == "warning"
    assert judged(warning, error) == "failed"
    assert judged(error, exists=False) == "ok"
