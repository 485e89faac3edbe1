"""Waivers in the policy: what a rule forbids is allowed in some files, until a day and for a reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from optimus_ops.guardrails.model import Violation
from optimus_ops.guardrails.rules.fields import Glob, choice, filled, globs, patterns
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place
from optimus_ops.text.globs import matches

KEYS = ("rule", "files", "until", "reason")


@dataclass(frozen=True)
class PolicyWaiver:
    """A waiver of the policy; the place does not tell it from others."""

    rule: str
    files: tuple[str, ...]
    until: str
    reason: str
    place: Place = field(compare=False)
    globs: tuple[Glob, ...] = field(compare=False, default=())

    def covers(self, violation: Violation) -> bool:
        """Tell whether it is about a violation."""
        return violation.rule == self.rule and matches(violation.file, self.files)

    def expired(self, today: date) -> bool:
        """Tell whether its last day is over."""
        return date.fromisoformat(self.until) < today


def read_waivers(node: Node | None, rules: Collection[str]) -> tuple[PolicyWaiver, ...]:
    """Return the waivers of a policy that has these rules."""
    return tuple(_waiver(item, rules) for item in node) if node is not None else ()


def _waiver(node: Node, rules: Collection[str]) -> PolicyWaiver:
    keys = node.known_items(KEYS, "a waiver")
    for name in KEYS:
        if name not in keys:
            raise node.error(f"a waiver needs the key {name!r}")
    until = keys["until"]
    try:
        date.fromisoformat(until.text())
    except ValueError:
        raise until.error("a date is expected here, as 2027-06-30") from None
    found = globs(keys["files"])
    rule, reason = choice(keys["rule"], rules, "rule"), filled(keys["reason"])
    return PolicyWaiver(rule, patterns(found), until.text(), reason, node.place, found)
