"""Packages beside one another that import each other in a circle: none can do without the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.graph import Chain, Edge, ModuleGraph
from optimus_ops.guardrails.model import RuleInfo
from optimus_ops.guardrails.modules import ModulePattern
from optimus_ops.guardrails.rules.fields import TYPING, counts_typing, modules, needed, number
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node

Siblings = Mapping[str, Mapping[str, Edge]]
"""Which sibling imports which, and by which import."""


@dataclass(frozen=True)
class Cycle(Chain):
    """Imports that lead from siblings to siblings, from the last one to the first one."""

    siblings: tuple[str, ...] = ()

    @property
    def ends(self) -> tuple[str, str]:
        """The first sibling, and the way back to it: a cycle is the same by whichever imports."""
        return self.siblings[0], " → ".join((*self.siblings[1:], self.siblings[0]))

    def __str__(self) -> str:
        imports = ", ".join(f"{edge.importer} → {edge.imported}" for edge in self.edges)
        return f"{' → '.join(self.ends)} by {imports}"


@dataclass(frozen=True)
class AcyclicSiblings:
    """The modules and packages of a package import one another in no circle; `depth` levels of packages are looked at.

    Without a depth, all levels are.
    """

    info: RuleInfo
    patterns: tuple[ModulePattern, ...]
    depth: int = 0
    type_checking: bool = False

    def broken(self, graph: ModuleGraph) -> Iterator[Cycle]:
        """Give the shortest cycle through each import of a sibling by another one."""
        found: dict[tuple[str, ...], Cycle] = {}
        for siblings in self._siblings(graph).values():
            for first in siblings:
                for second in siblings[first]:
                    if way := _way(siblings, second, first):
                        cycle = _cycle(siblings, way)
                        found.setdefault(cycle.siblings, cycle)
        yield from found.values()

    def _siblings(self, graph: ModuleGraph) -> dict[str, dict[str, dict[str, Edge]]]:
        """Return package -> its children that import one another."""
        found: dict[str, dict[str, dict[str, Edge]]] = {}
        for importer in sorted(graph.edges):
            for imported, edge in graph.edges[importer].items():
                package, sibling, other = _parted(importer, imported)
                if sibling and other and imported in graph.files and self._is_about(package):
                    found.setdefault(package, {}).setdefault(sibling, {}).setdefault(other, edge)
        return found

    def _is_about(self, package: str) -> bool:
        return any(
            pattern.covers(package) and not 0 < self.depth <= package.count(".") - pattern.text.count(".")
            for pattern in self.patterns
        )


def _parted(importer: str, imported: str) -> tuple[str, str, str]:
    """Return the package that two modules have in common, and which of its children each is in; "" for itself."""
    ours, theirs = importer.split("."), imported.split(".")
    common = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0)
    if not common:
        return "", "", ""
    return ".".join(ours[:common]), ".".join(ours[: common + 1]), ".".join(theirs[: common + 1])


def _way(siblings: Siblings, first: str, last: str) -> tuple[str, ...]:
    """Return the shortest way from a sibling to another one, both included; () if there is none."""
    came_from = {first: ""}
    waiting = deque([first])
    while waiting and last not in came_from:
        here = waiting.popleft()
        for there in sorted(siblings.get(here, ())):
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    return tuple(_back(came_from, last))[::-1]


def _back(came_from: Mapping[str, str], name: str) -> Iterable[str]:
    while name in came_from:
        yield name
        name = came_from[name]


def _cycle(siblings: Siblings, way: tuple[str, ...]) -> Cycle:
    """Return the cycle of a way, beginning with the sibling whose name comes first."""
    start = way.index(min(way))
    ordered = way[start:] + way[:start]
    pairs = zip(ordered, (*ordered[1:], ordered[0]), strict=True)
    return Cycle(tuple(siblings[before][after] for before, after in pairs), ordered)


def _acyclic(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> AcyclicSiblings:
    depth = number(keys["depth"]) if "depth" in keys else 0
    return AcyclicSiblings(info, modules(needed(keys, "ancestors", rule)), depth, counts_typing(keys))


KINDS = {"acyclic-siblings": Kind("packages import one another in no circle", ("ancestors", "depth", TYPING), _acyclic)}
