"""Each finding once, though a tool repeats it, or work tree and history both have it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from optimus_ops.security.model import ScanFinding, ScanResult

Secret: TypeAlias = tuple[str, str, str]
"""What is the same for one secret in the work tree and in the history: rule, file, identity."""


def merged(results: Iterable[ScanResult]) -> list[ScanResult]:
    """Return the results with each finding once.

    What is in the work tree and in the history has the place of now, and says in which commit it is.
    """
    found = list(results)
    history = {_secret(finding): finding for result in found if result.name == "history" for finding in result.findings}
    present = {_secret(finding) for result in found if result.name == "secrets" for finding in result.findings}
    return [replace(result, findings=tuple(_once(result, history, present))) for result in found]


def _once(result: ScanResult, history: Mapping[Secret, ScanFinding], present: Collection[Secret]) -> list[ScanFinding]:
    found = dict.fromkeys(result.findings)
    if result.name == "history":
        return [finding for finding in found if _secret(finding) not in present]
    if result.name == "secrets":
        return [replace(history.get(_secret(finding), finding), place=finding.place) for finding in found]
    return list(found)


def _secret(finding: ScanFinding) -> Secret:
    return finding.id, finding.place.file, finding.identity
