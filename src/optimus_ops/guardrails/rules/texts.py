"""Texts that files must not hold, such as SQL outside of stores."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.facts import Facts
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, needed, regex, scope
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place

SHOWN = 60


@dataclass(frozen=True)
class ForbiddenTexts:
    """Texts of the code, documentation and comments excepted, in which a pattern is found."""

    info: RuleInfo
    scope: FileScope
    pattern: re.Pattern[str]

    def matches(self, path: str, facts: Facts) -> Iterator[Match]:
        """Give the texts of a file."""
        for text in facts.texts:
            if self.pattern.search(text.value):
                # Half a pair of UTF-16 can be in no report.
                words = " ".join(text.value.encode("utf-8", "backslashreplace").decode().split())
                shown = words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"
                line, column, end = facts.source.span(text.at)
                yield Match(Place(path, line, column), end, words, shown)


def _texts(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ForbiddenTexts:
    return ForbiddenTexts(info, scope(keys, rule), regex(needed(keys, "pattern", rule)))


KINDS = {"texts": Kind("texts that the code doesn't hold", ("files", "except", "pattern"), _texts)}
