"""Sizes that files and functions keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.facts import Facts
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.rules.fields import FileScope, number, scope
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.guardrails.sizes import FunctionSize
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place

LIMITS = ("file-lines", "function-lines", "arguments", "complexity")


@dataclass(frozen=True)
class SizeLimits:
    """The largest sizes, by their names in `LIMITS`."""

    info: RuleInfo
    scope: FileScope
    limits: Mapping[str, int]

    def matches(self, path: str, facts: Facts) -> Iterator[Match]:
        """Give what of a file is too large."""
        lines = len(facts.source.lines) - (not facts.source.lines[-1])
        if lines > (most := self.limits.get("file-lines", lines)):
            yield Match(Place(path, most + 1), 0, "file-lines", f"{lines} lines, at most {most}")
        for function in facts.functions:
            for name, size in _sizes(function).items():
                if size > (most := self.limits.get(name, size)):
                    detail = f"{function.name} has {size} {name.removeprefix('function-')}, at most {most}"
                    place = Place(path, function.line, function.column)
                    yield Match(place, function.end, f"{name} {function.name}", detail)


def _sizes(function: FunctionSize) -> dict[str, int]:
    return {"function-lines": function.lines, "arguments": function.arguments, "complexity": function.complexity}


def _size(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> SizeLimits:
    limits = {name: number(keys[name]) for name in LIMITS if name in keys}
    if not limits:
        raise rule.error(f"a limit is expected: {', '.join(LIMITS)}")
    return SizeLimits(info, scope(keys, rule), limits)


KINDS = {"size": Kind("sizes of files and functions", ("files", "except", *LIMITS), _size)}
