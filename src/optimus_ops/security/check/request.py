"""What a check of security is asked for."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from optimus_ops.security.model import Severity, severity_of


@dataclass(frozen=True)
class CheckRequest:
    """What was asked for.

    Args:
        only: names of areas; all where empty.
        severity: the severity from which on findings make the check fail.
        images: whether the images of the stack are looked into.
        containers: whether what runs is looked at.
        report: folder of the report; "" for none.
    """

    only: tuple[str, ...] = ()
    severity: str = "high"
    images: bool = True
    containers: bool = True
    json: bool = False
    report: str = ""

    @property
    def limit(self) -> Severity:
        """The severity from which on findings make the check fail.

        Raises:
            Refused: there is no such severity.
        """
        return severity_of("--severity", self.severity)

    @property
    def command(self) -> str:
        """The command line that asks for the same."""
        words = [*(word for name in self.only for word in ("--only", name))]
        words += ["--severity", self.severity] if self.severity != "high" else []
        words += [] if self.images else ["--no-images"]
        words += [] if self.containers else ["--no-containers"]
        return shlex.join(["invoke", "secrets.check-security", *words])
