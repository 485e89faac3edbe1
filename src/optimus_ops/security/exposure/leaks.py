"""Rules for values and keys that are where they must not be; the same for each place that is looked into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from optimus_ops.reports.place import Place
from optimus_ops.security.exposure.known_values import KnownValue
from optimus_ops.security.exposure.matcher import Match
from optimus_ops.security.exposure.providers import KEY_FORMS
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.rule import Rule

NEW_VALUE = "give it a new value (invoke secrets.rotate KEY, or secrets.set)"


def once_for_each_file(findings: Iterable[ScanFinding]) -> tuple[ScanFinding, ...]:
    """Return the first finding for each key or form in each file, with how many more there are."""
    groups: dict[tuple[str, str, str], list[ScanFinding]] = defaultdict(list)
    for finding in findings:
        groups[finding.id, finding.identity, finding.place.file].append(finding)
    return tuple(
        replace(first, message=f"{first.message}, and {len(more)} more times in this file") if more else first
        for first, *more in groups.values()
    )


@dataclass(frozen=True)
class LeakRules:
    """The rules of one area: one for known values, and one for each form of keys."""

    value: Rule
    forms: Mapping[str, Rule]

    @classmethod
    def of(cls, area: str, where: str, hint: str, prefix: str = "") -> LeakRules:
        """Return the rules for an area; `where` and `hint` end sentences: "in a commit", "and rewrite the history"."""
        advice = f"{NEW_VALUE}, {hint}"
        value = Rule(area, f"{prefix}secret-value", "critical", f"a value of the files of secrets {where}", advice)
        forms = {
            form.name: Rule(area, f"{prefix}key-{form.name}", form.severity, f"{form.whose} {where}", advice)
            for form in KEY_FORMS
        }
        return cls(value, forms)

    @property
    def all(self) -> tuple[Rule, ...]:
        """All of them."""
        return (self.value, *self.forms.values())

    def finding(self, match: Match, where: str, place: Place, *, hint: str = "") -> ScanFinding:
        """Return the finding for a match; it names the key, and never shows the value."""
        if isinstance(match.what, KnownValue):
            message = f"the value of {match.what.shown} is in {where}"
            return self.value.finding(message, place, identity=match.identity, hint=hint)
        message = f"{match.what.whose} is in {where}"
        return self.forms[match.what.name].finding(message, place, identity=match.identity, hint=hint)
