"""Rules as the policy states them, and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimus_ops.reports.place import Place

if TYPE_CHECKING:
    from optimus_ops.reports.model import Finding, Level

LEVELS: tuple[Level, ...] = ("error", "warning", "note")

SYNTAX = "guardrails/syntax"
UNJUDGED = "guardrails/not-judged"
WAIVER = "guardrails/waiver"
BASELINE = "guardrails/baseline"
OWN_RULES: Mapping[str, str] = {
    SYNTAX: "a file that is no valid Python, or YAML, can't be judged",
    UNJUDGED: "a file whose content is not at hand, or too large, can't be judged",
    WAIVER: "a waiver names a rule, an expiry date and a reason, is needed, and has not expired",
    BASELINE: "an entry of the baseline is needed, and has not expired",
}
"""Rules of the engine itself, which no policy can switch off."""


@dataclass(frozen=True)
class RuleInfo:
    """What all kinds of rules have.

    Args:
        kind: as the policy names it.
        mend: how to mend a finding.
        good: examples that keep the rule, each path -> text.
        bad: examples that break it.
    """

    id: str
    kind: str
    level: Level
    message: str
    why: str
    mend: str
    place: Place
    good: tuple[Mapping[str, str], ...] = ()
    bad: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Where a rule is broken.

    Args:
        end: column behind the last character on the line; 0 where unknown.
        text: what tells it from other findings of the rule in the file, wherever its line moves.
        detail: what was found, such as the chain of imports.
        subject: the file whose fault it is; "" for that of the place.
    """

    place: Place
    end: int
    text: str
    detail: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Violation:
    """A rule broken at a place."""

    rule: str
    level: Level
    message: str
    match: Match
    hint: str = ""
    notes: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The path of the file."""
        return self.match.place.file

    @property
    def key(self) -> tuple[str, str, str]:
        """What is the same wherever the same violation is found again."""
        return self.rule, self.match.subject or self.file, self.match.text

    @property
    def sentence(self) -> str:
        """The rule's message and what was found."""
        return f"{self.message}: {self.match.detail}" if self.match.detail else self.message

    @property
    def reported(self) -> Finding:
        """The violation as reports have it."""
        from optimus_ops.reports.model import Finding  # noqa: PLC0415 - most changes have no report

        notes = "; ".join(self.notes)
        message = f"{self.sentence} ({notes})" if notes else self.sentence
        return Finding(self.rule, self.level, message, self.match.place, self.hint)


@dataclass(frozen=True)
class Verdict:
    """What a judgement came to.

    Args:
        counting: what the change is blamed for.
        waived: covered by a waiver in the code.
        known: covered by an entry of the baseline.
        earlier: how many violations the base had already.
        files: how many files were judged.
    """

    counting: tuple[Violation, ...]
    waived: tuple[Violation, ...] = ()
    known: tuple[Violation, ...] = ()
    earlier: int = 0
    files: int = 0
    scope: str = ""
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """path -> lines of the files that violations are in."""

    @property
    def failing(self) -> tuple[Violation, ...]:
        """The violations that are errors."""
        return tuple(found for found in self.counting if found.level == "error")
