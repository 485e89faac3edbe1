"""`invoke security.scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context


@task(
    iterable=("only",),
    help={
        "only": "run this scanner, which must then be able to run (repeatable)",
        "fail-on": "severity from which on findings fail the scan: low, medium, high, critical (medium)",
        "offline": "leave out the scanners that need the network",
        "json": "print one JSON document on standard output",
        "report": "write the report into this folder: Markdown, HTML, JSON, JUnit, SARIF",
    },
)
def scan(
    _: Context,
    only: Sequence[str] | None = None,
    fail_on: str = "medium",
    offline: bool = False,
    json: bool = False,
    report: str = "",
) -> None:
    """Scan for secrets, vulnerable packages, and weak Dockerfiles and workflows."""
    from optimus_ops.security.scan import scan
    from optimus_ops.security.scan_request import ScanRequest

    scan(ScanRequest(tuple(only or ()), fail_on, offline, json, report))
