"""A check: the verdict on one property of one subject. A line of status: what a subsystem says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["ok", "warning", "failed", "not allowed"]
VERDICTS: tuple[Verdict, ...] = ("ok", "warning", "failed", "not allowed")
"""`not allowed`: permission to read the property is missing, which says nothing about the subject."""

Figure = float | str | bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict.

    Args:
        subject: what was checked, such as a server; "" where there is only one.
        name: the property.
        found: what was found, for people.
        hint: what to do; "" where nothing is to be done.
        figures: what was found, for programs: bytes, milliseconds and counts as numbers.
        prerequisite: whether a failure means that a prerequisite is missing (exit code 3).
    """

    subject: str
    name: str
    verdict: Verdict
    found: str
    hint: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    prerequisite: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """A line that a subsystem adds, about a service or about itself; a warning is about something to be mended."""

    subject: str
    text: str
    warning: bool = False


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: failed, warning, not allowed, ok."""
    found = set(verdicts)
    return next((verdict for verdict in ("failed", "warning", "not allowed") if verdict in found), "ok")


def count_verdicts(checks: Iterable[Check]) -> dict[Verdict, int]:
    """Return the number of checks with each verdict."""
    verdicts = [check.verdict for check in checks]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
