"""Rules of `secrets.check-security`: what each finds, how bad that is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.reports.place import Place
from optimus_ops.security.model import ScanFinding, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        area: what is checked, as `--only` names it.
        name: with the area, the id that exceptions name: `git/secret-value`.
        finds: what it finds, for the table of rules.
        hint: what to do about it.
    """

    area: str
    name: str
    severity: Severity
    finds: str
    hint: str

    @property
    def id(self) -> str:
        """The id as exceptions name it."""
        return f"{self.area}/{self.name}"

    def finding(self, message: str, place: Place, *, identity: str = "", hint: str = "") -> ScanFinding:
        """Return a finding of this rule at a place."""
        return ScanFinding(self.area, self.name, self.severity, message, place, hint or self.hint, identity)
