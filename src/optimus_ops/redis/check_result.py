"""A verdict on one thing that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.redis.model import NotPermitted

Verdict = Literal["ok", "warning", "failed", "not allowed"]
VERDICTS: tuple[Verdict, ...] = ("ok", "warning", "failed", "not allowed")
"""The last one: it could not be seen, which says nothing about the server."""

Figure = float | str | bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict.

    Args:
        subject: the server or sentinel that was looked at, or what they are together.
        name: what was looked at.
        verdict: see `Verdict`.
        found: what was found, for a person.
        hint: what to do; "" where nothing is to be done.
        figures: what was found, for a program: bytes, milliseconds and counts as numbers.
    """

    subject: str
    name: str
    verdict: Verdict
    found: str
    hint: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


def not_allowed(subject: str, name: str, denied: NotPermitted, command: str) -> Check:
    """Return the verdict on what could not be asked.

    Args:
        subject: who was asked.
        name: the check.
        denied: why it could not be asked.
        command: the command that would have told.
    """
    return Check(subject, name, "not allowed", f"{command}: {denied.reason}", f"to have it checked, allow {command}")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts: failed, warning, not allowed, ok."""
    found = set(verdicts)
    return next((verdict for verdict in ("failed", "warning", "not allowed") if verdict in found), "ok")


def counted(checks: Iterable[Check]) -> dict[Verdict, int]:
    """Return how many checks have each verdict."""
    verdicts = [check.verdict for check in checks]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
