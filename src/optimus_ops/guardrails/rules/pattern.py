"""Patterns of code in ast-grep's language, for what no other kind of rules says.

Source: https://ast-grep.github.io/reference/rule.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from optimus_ops.errors import MissingPrerequisite
from optimus_ops.guardrails.facts import Facts
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, needed, scope
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node, YamlError
from optimus_ops.reports.place import Place

SHOWN = 60
BACKTRACE = "\n\nStack backtrace"


@dataclass(frozen=True)
class ForbiddenPattern:
    """Code that a rule of ast-grep matches."""

    info: RuleInfo
    scope: FileScope
    config: Mapping[str, Any]
    place: Place

    def check(self) -> None:
        """Try it on nothing: to read a policy, ast-grep need not be loaded.

        Raises:
            Refused: it is no rule of ast-grep.
        """
        self._find("")

    def matches(self, path: str, facts: Facts) -> Iterator[Match]:
        """Give where a file has such code.

        Raises:
            Refused: it is no rule of ast-grep.
        """
        for node in self._find("\n".join(facts.source.lines)):
            start, end = node.range().start, node.range().end
            words = " ".join(node.text().split())
            shown = words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"
            place = Place(path, start.line + 1, start.column + 1)
            yield Match(place, end.column + 1 if start.line == end.line else 0, words, shown)

    def _find(self, text: str) -> list[Any]:
        root = _library().SgRoot(text, "python").root()
        try:
            return list(root.find_all(dict(self.config)))
        except Exception as error:  # noqa: BLE001 - ast-grep raises bare exceptions and RuntimeError for bad rules
            told = " ".join(str(error).partition(BACKTRACE)[0].split())
            raise YamlError(self.place, f"no rule of ast-grep: {told}") from None


def _library() -> Any:
    try:
        # Not a statement: the package is an extra, and is loaded for rules of this kind alone.
        return import_module("ast_grep_py")
    except ModuleNotFoundError:
        raise MissingPrerequisite(
            "rules of kind pattern need ast-grep-py, which is not installed", "pip install 'optimus-ops[guardrails]'"
        ) from None


def _pattern(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ForbiddenPattern:
    node = needed(keys, "rule", rule)
    plain = node.plain()
    config = {"rule": {"pattern": plain} if isinstance(plain, str) else plain}
    if "constraints" in keys:
        config["constraints"] = keys["constraints"].plain()
    return ForbiddenPattern(info, scope(keys, rule), config, node.place)


KINDS = {"pattern": Kind("code that ast-grep finds", ("files", "except", "rule", "constraints"), _pattern)}
