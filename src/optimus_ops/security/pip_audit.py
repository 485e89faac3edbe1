"""Known vulnerabilities of locked Python packages, by pip-audit (https://github.com/pypa/pip-audit).

The service is PyPI's; `PIP_AUDIT_VULNERABILITY_SERVICE` and `PIP_AUDIT_OSV_URL` name another one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from optimus_ops.security.checkout_files import CheckoutFiles
from optimus_ops.security.locked_packages import Pin, pins, requirements_files
from optimus_ops.security.model import CouldNotRun, ScanFinding
from optimus_ops.security.scanner import Output, Scanner


def _commands(files: CheckoutFiles, folder: Path) -> list[list[str]]:
    """Audit files of our own: pip-audit leaves out what a marker excludes here, and takes one version of a package."""
    versions: dict[str, list[str]] = {}
    for name, version in sorted({(pin.name, pin.version) for pin in pins(files) if pin.version}):
        versions.setdefault(name, []).append(version)
    generations = zip_longest(*([f"{name}=={version}" for version in found] for name, found in versions.items()))
    commands = []
    for number, lines in enumerate(generations):
        path = folder / f"requirements-{number}.txt"
        path.write_text("".join(f"{line}\n" for line in lines if line), "utf-8")
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--desc", "off", "--format", "json"]
        commands.append(["--requirement", str(path), *options, "--cache-dir", str(folder / "cache")])
    return commands


SERVICE_HINT = "PIP_AUDIT_VULNERABILITY_SERVICE and PIP_AUDIT_OSV_URL name another service"


def _read(outputs: Sequence[Output], files: CheckoutFiles) -> Iterator[ScanFinding]:
    audited = [found for output in outputs for found in json.loads(output.stdout)["dependencies"]]
    known = [found for found in audited if "skip_reason" not in found]
    unknown = {canonicalize_name(found["name"]) for found in audited if "skip_reason" in found}
    if audited and not known:
        raise CouldNotRun(f"the vulnerability service knows none of {len(audited)} packages", SERVICE_HINT)
    places: dict[tuple[str, str], list[Pin]] = {}
    for pin in pins(files):
        places.setdefault((pin.name, pin.version), []).append(pin)
        yield from _not_audited(pin, unknown)
    told = {(canonicalize_name(found["name"]), found["version"]): found for found in known}
    if missing := [pin for pin in places if pin[1] and pin not in told and pin[0] not in unknown]:
        raise CouldNotRun(f"pip-audit told nothing of {', '.join(f'{name} {version}' for name, version in missing)}")
    for pinned, found in told.items():
        for vulnerability in found["vulns"]:
            yield from (_finding(found, vulnerability, pin) for pin in places[pinned])


def _not_audited(pin: Pin, unknown: Collection[str]) -> Iterator[ScanFinding]:
    if not pin.version:
        message = f"{pin.name} is not pinned to a version, so it can't be audited"
        yield ScanFinding("pip-audit", "not-pinned", "low", message, pin.place, "lock it: ==, with hashes")
    elif pin.name in unknown:
        yield ScanFinding("pip-audit", "not-audited", "low", f"the service does not know {pin.name}", pin.place)


def _finding(found: dict[str, Any], vulnerability: dict[str, Any], pin: Pin) -> ScanFinding:
    also = f" ({', '.join(vulnerability['aliases'])})" if vulnerability["aliases"] else ""
    message = f"{found['name']} {found['version']} has a known vulnerability: {vulnerability['id']}{also}"
    fixed = vulnerability["fix_versions"]
    hint = f"take {' or '.join(fixed)}" if fixed else "no version has it fixed yet"
    # The services tell no severity.
    return ScanFinding("pip-audit", vulnerability["id"], "high", message, pin.place, hint)


def _scope(files: CheckoutFiles) -> str:
    count = len({(pin.name, pin.version) for pin in pins(files) if pin.version})
    return f"{count} packages in {len(requirements_files(files))} requirements files"


DEPENDENCIES = Scanner(
    *("dependencies", "pip-audit", "pip-audit"),
    _commands,
    _read,
    _scope,
    codes=frozenset({0, 1}),
    network=True,
    seconds=300.0,
)
