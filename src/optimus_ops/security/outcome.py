"""What came of one area: findings, what was looked at, and what could not be."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.security.model import ScanFinding


@dataclass(frozen=True)
class Outcome:
    """What came of one area.

    Args:
        scope: what was looked at, and its limits.
        missing: what could not be looked at; "" where all was.
        hint: what to do about that.
    """

    scope: str
    findings: tuple[ScanFinding, ...] = ()
    missing: str = ""
    hint: str = ""
