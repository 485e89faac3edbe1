"""Findings of scanners, and how a scanner ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from optimus_ops.errors import OpsError, Refused
from optimus_ops.reports.model import Finding, Level
from optimus_ops.reports.place import Place

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
LEVELS: Mapping[Severity, Level] = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
State = Literal["done", "nothing to scan", "could not run", "left out"]


class CouldNotRun(OpsError):  # noqa: N818 - the word of reports
    """A scanner could not do its work, wholly or in part: it says nothing about the checkout."""


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """One finding of a tool.

    Args:
        tool: the program's name.
        rule: the tool's id of the rule.
        identity: tells findings of one place apart, and is the same wherever the same thing is found again.
    """

    tool: str
    rule: str
    severity: Severity
    message: str
    place: Place
    hint: str = ""
    identity: str = ""

    @property
    def id(self) -> str:
        """The rule as exceptions name it: `hadolint/DL3008`."""
        return f"{self.tool}/{self.rule}"

    @property
    def reported(self) -> Finding:
        """The finding as reports have it."""
        return Finding(self.id, LEVELS[self.severity], f"{self.message} ({self.severity})", self.place, self.hint)


@dataclass(frozen=True)
class ScanResult:
    """How a scanner ended.

    Args:
        required: whether the scan fails where it could not run.
        reason: what was scanned, or why nothing was.
        hint: what to do about it.
    """

    name: str
    tool: str
    version: str
    state: State
    required: bool
    reason: str = ""
    hint: str = ""
    seconds: float = 0.0
    findings: tuple[ScanFinding, ...] = ()


def at_least(severity: Severity, limit: Severity) -> bool:
    """Tell whether a severity is `limit` or above."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(limit)


def severity_of(flag: str, text: str) -> Severity:
    """Return the severity that a flag names.

    Raises:
        Refused: there is no such severity.
    """
    for severity in SEVERITIES:
        if severity == text:
            return severity
    raise Refused(f"{flag} {text}", f"severities: {', '.join(SEVERITIES)}")
