"""Names that must not be used, and calls that must not be made, or not without an argument."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from optimus_ops.guardrails.facts import Facts, Use
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, choice, needed, number, scope, texts
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place

PLACES = ("anywhere", "coroutine")


@dataclass(frozen=True)
class ForbiddenUses:
    """Names that files must not use.

    Args:
        names: as they are imported, `*` for any characters: `os.environ`, `*.execute`, `httpx.Client().get`.
        calls: whether only calls are meant.
        coroutines: whether only what stands in the body of a coroutine is meant.
        keywords: arguments of which a call needs one, with a value other than None.
        position: how many positional arguments do as well; 0 for none.
    """

    info: RuleInfo
    scope: FileScope
    names: tuple[str, ...]
    calls: bool = False
    coroutines: bool = False
    keywords: tuple[str, ...] = ()
    position: int = 0

    def matches(self, path: str, facts: Facts) -> Iterator[Match]:
        """Give the uses in a file."""
        for use in facts.uses:
            found = [name for name in use.names if _compiled(self.names).fullmatch(name)]
            if found and self._means(use):
                shown, (line, column, end) = facts.source.text(use.at), facts.source.span(use.at)
                detail = shown if found[0] == shown else f"{shown} ({found[0]})"
                yield Match(Place(path, line, column), end, facts.source.text(use.whole), detail)

    def _means(self, use: Use) -> bool:
        if (self.calls and not use.call) or (self.coroutines and not use.coroutine):
            return False
        if not self.keywords:
            return True
        given = {*self.keywords, "**"} & use.keywords
        return not given and not (self.position and use.positional >= self.position)


@cache
def _compiled(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern of names: `*` stands for parts of a name, and at the beginning for whatever a method is of."""
    several = (re.escape(name).replace(r"\*", r"[\w.]+") for name in names)
    return re.compile("|".join(f".+{each[6:]}" if each.startswith(r"[\w.]+") else each for each in several))


def _names(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ForbiddenUses:
    # `os.environ` means `os.environ.get` and `os.environ["X"]` alike.
    stated = texts(needed(keys, "names", rule))
    names = tuple(name for each in stated for name in (each, f"{each}.*"))
    return ForbiddenUses(info, scope(keys, rule), names, coroutines=_coroutines(keys))


def _calls(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ForbiddenUses:
    keywords, position = texts(keys.get("without")), keys.get("position")
    if position is not None and not keywords:
        raise position.error("'position' counts for a rule with 'without'")
    return ForbiddenUses(
        info,
        scope(keys, rule),
        texts(needed(keys, "calls", rule)),
        True,
        _coroutines(keys),
        keywords,
        number(position) if position else 0,
    )


def _coroutines(keys: Mapping[str, Node]) -> bool:
    return "inside" in keys and choice(keys["inside"], PLACES, "place") == "coroutine"


KINDS = {
    "names": Kind("names that files don't use", ("files", "except", "names", "inside"), _names),
    "calls": Kind("calls that files don't make", ("files", "except", "calls", "inside", "without", "position"), _calls),
}
