"""The check of the Python environment against its lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from optimus_ops.checks.model import Check

PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;)?")
CHECKOUT = "checkout"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Packages:
    """How the Python environment differs from the lock: name -> "8.0 (locked 8.1)"."""

    locked: int
    different: Mapping[str, str] = field(default_factory=dict)


def check_packages(packages: Packages) -> Check:
    """Check the Python environment against the lock."""
    if not packages.locked:
        return Check(CHECKOUT, "python", "warning", "there is no lock to compare with (requirements/dev.txt)")
    if packages.different:
        different = [f"{name} {versions}" for name, versions in packages.different.items()]
        more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        found = f"differs from the lock: {', '.join(different[:SHOWN])}{more}"
        return Check(CHECKOUT, "python", "warning", found, "renew it: python3 scripts/bootstrap.py invoke doctor")
    return Check(CHECKOUT, "python", "ok", f"all {packages.locked} packages are as locked")


def read_packages(lock: Path) -> Packages:
    """Compare the running Python's packages with a lock."""
    if not lock.is_file():
        return Packages(0)
    installed = {_canonical(found.metadata["Name"]): found.version for found in distributions()}
    return compare_packages(lock.read_text("utf-8"), installed)


def compare_packages(lock: str, installed: Mapping[str, str]) -> Packages:
    """Return where installed packages (canonical name -> version) differ from a lock."""
    pins = [match for line in lock.splitlines() if (match := PIN.match(line))]
    different: dict[str, str] = {}
    for pin in pins:
        there = installed.get(_canonical(pin["name"]))
        if there is None and pin["marker"]:
            # Meant for another Python or another system.
            continue
        if there != pin["version"]:
            different[pin["name"]] = f"{there or 'missing'} (locked {pin['version']})"
    return Packages(len(pins), different)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
