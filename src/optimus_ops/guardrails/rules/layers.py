"""Layers: imports point downwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.graph import Chain, ModuleGraph
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.modules import ModulePattern
from optimus_ops.guardrails.rules.fields import TYPING, counts_typing, filled, flag, needed, texts
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place


@dataclass(frozen=True)
class Layers:
    """Packages of a container in layers, the highest first; those of one layer don't import one another.

    Args:
        exhaustive: whether each package of the container must be in a layer.
    """

    info: RuleInfo
    container: str
    layers: tuple[tuple[str, ...], ...]
    exhaustive: bool
    type_checking: bool = False

    @property
    def patterns(self) -> tuple[ModulePattern, ...]:
        """The modules that it names."""
        return tuple(ModulePattern(f"{self.container}.{name}") for layer in self.layers for name in layer)

    def broken(self, graph: ModuleGraph) -> Iterator[Chain | Match]:
        """Give chains that lead upwards or to a neighbour, and packages in no layer."""
        packages: dict[str, set[str]] = {}
        for module in graph.files:
            if package := self._package(module):
                packages.setdefault(package, set()).add(module)
        levels = {name: level for level, layer in enumerate(self.layers) for name in layer}
        layered = {module for name in levels for module in packages.get(name, ())}
        for name, level in levels.items():
            forbidden = {other for other, its in levels.items() if its <= level and other != name}
            targets = {module for other in forbidden for module in packages.get(other, ())}
            yield from graph.chains(packages.get(name, ()), targets, lambda module: module not in layered)
        if self.exhaustive:
            for name in sorted(packages.keys() - levels.keys()):
                first = min(packages[name])
                package = f"{self.container}.{name}"
                yield Match(Place(graph.files[first], 1, 1), 0, package, f"{package} is in no layer")

    def _package(self, module: str) -> str:
        head, _, rest = module.partition(f"{self.container}.")
        return rest.partition(".")[0] if not head else ""


def _layers(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> Layers:
    container = filled(needed(keys, "container", rule))
    node = needed(keys, "layers", rule)
    texts(node)
    found: list[tuple[str, ...]] = []
    for item in node:
        names = tuple(name.strip() for name in filled(item).split("|"))
        for name in names:
            if not name.isidentifier():
                raise item.error(f"{name!r} is no name of a package", "packages of one layer: ci | release")
            if any(name in layer for layer in found) or names.count(name) > 1:
                raise item.error(f"{name} is in two layers: a cycle")
        found.append(names)
    return Layers(info, container, tuple(found), flag(keys.get("exhaustive"), default=False), counts_typing(keys))


KINDS = {"layers": Kind("imports point downwards", ("container", "layers", "exhaustive", TYPING), _layers)}
