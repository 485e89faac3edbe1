"""What a scan is asked for."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from optimus_ops.security.model import Severity, severity_of
from optimus_ops.security.scanner import Scanner


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
        return severity_of("--fail-on", self.fail_on)

    def required(self, scanner: Scanner, optional: Collection[str]) -> bool:
        """Tell whether the scan fails where a scanner could not run; `optional` are those of the project's settings."""
        return scanner.name in self.only or (scanner.required and scanner.name not in optional)

    @property
    def command(self) -> str:
        """The command line that asks for the same."""
        words = [*(word for name in self.only for word in ("--only", name))]
        words += ["--fail-on", self.fail_on] if self.fail_on != "medium" else []
        return shlex.join(["invoke", "security.scan", *words, *(["--offline"] if self.offline else [])])
