"""Files that change together, such as a contract and what is generated from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, Glob, globs, needed, patterns, scope
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place, shown
from optimus_ops.text.globs import matches


@dataclass(frozen=True)
class ChangeTogether:
    """Where a file of `scope` changes, one of `also` has to change."""

    info: RuleInfo
    scope: FileScope
    also: tuple[Glob, ...]

    @property
    def globs(self) -> tuple[Glob, ...]:
        """The files that it names."""
        return (*self.scope.globs, *self.also)

    def unaccompanied(self, changed: Collection[str]) -> Iterator[Match]:
        """Give the changed files without those that have to change with them."""
        if any(matches(name, patterns(self.also)) for name in changed):
            return
        for name in sorted(changed):
            if self.scope.holds(name):
                yield Match(Place(name), 0, "", f"{shown(name)} changed without {' or '.join(patterns(self.also))}")


def _together(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ChangeTogether:
    return ChangeTogether(info, scope(keys, rule), globs(needed(keys, "also", rule)))


KINDS = {"together": Kind("files that change together", ("files", "except", "also"), _together)}
