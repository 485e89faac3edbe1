"""`invoke security.scan` and `secrets.check-security`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.collection import Collection

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from optimus_ops.engine.service_names import ServiceNames


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


@task(
    name="check-security",
    iterable=("only",),
    help={
        "only": "files, values, git, work-tree, compose, images, containers or running (repeatable; all)",
        "severity": "severity from which on findings fail the check: low, medium, high, critical (high)",
        "images": "look into the images of the stack (yes)",
        "containers": "look at the containers that run (yes)",
        "json": "print one JSON document on standard output",
        "report": "write the report into this folder: Markdown, HTML, JSON, JUnit, SARIF",
    },
)
def check_security(
    _: Context,
    only: Sequence[str] | None = None,
    severity: str = "high",
    images: bool = True,
    containers: bool = True,
    json: bool = False,
    report: str = "",
) -> None:
    """Look for leaked secrets, weak values, open files and containers that are not hardened."""
    from optimus_ops.security.check.command import check_security
    from optimus_ops.security.check.request import CheckRequest

    check_security(CheckRequest(tuple(only or ()), severity, images, containers, json, report))


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add the collection `security`, and `check-security` to the secrets' tasks."""
    namespace.add_collection(Collection("security", scan))
    if "secrets" not in namespace.collections:
        namespace.add_collection(Collection("secrets"))
    namespace.collections["secrets"].add_task(check_security)
