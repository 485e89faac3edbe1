"""Imports that are forbidden: of some modules by others, of protected modules, and between independent ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.graph import Chain, ModuleGraph
from optimus_ops.guardrails.model import RuleInfo
from optimus_ops.guardrails.modules import ModulePattern
from optimus_ops.guardrails.rules.fields import TYPING, counts_typing, flag, modules, needed
from optimus_ops.guardrails.rules.kind import Kind
from optimus_ops.project.yaml_nodes import Node


@dataclass(frozen=True)
class ForbiddenImports:
    """`importers` must not import `imported`, nor reach it through others unless `indirect` is false."""

    info: RuleInfo
    importers: tuple[ModulePattern, ...]
    imported: tuple[ModulePattern, ...]
    excepted: tuple[ModulePattern, ...] = ()
    indirect: bool = True
    type_checking: bool = False

    @property
    def patterns(self) -> tuple[ModulePattern, ...]:
        """The modules that it names; those that are imported may be of other projects."""
        return (*self.importers, *self.excepted)

    def broken(self, graph: ModuleGraph) -> Iterator[Chain]:
        """Give a chain for each importer and each imported module."""
        outside = graph.matching(self.excepted)
        sources = (graph.matching(self.importers) & graph.files.keys()) - outside
        targets = graph.matching(self.imported) - sources
        ends = sources | targets | outside
        yield from graph.chains(sources, targets, lambda module: self.indirect and module not in ends)


@dataclass(frozen=True)
class ProtectedImports:
    """`protected` may be imported, directly, by themselves and by `importers` alone."""

    info: RuleInfo
    protected: tuple[ModulePattern, ...]
    importers: tuple[ModulePattern, ...]
    type_checking: bool = False

    @property
    def patterns(self) -> tuple[ModulePattern, ...]:
        """The modules that it names."""
        return (*self.protected, *self.importers)

    def broken(self, graph: ModuleGraph) -> Iterator[Chain]:
        """Give the imports of all others."""
        targets = graph.matching(self.protected)
        others = graph.files.keys() - graph.matching((*self.importers, *self.protected))
        yield from graph.chains(others, targets, lambda _module: False)


@dataclass(frozen=True)
class Independence:
    """None of several packages imports another one of them, nor reaches it through others."""

    info: RuleInfo
    patterns: tuple[ModulePattern, ...]
    type_checking: bool = False

    def broken(self, graph: ModuleGraph) -> Iterator[Chain]:
        """Give a chain for each pair."""
        members = [own for pattern in self.patterns for own in _members(graph, pattern)]
        every = set().union(*members)
        for own in members:
            yield from graph.chains(own, every - own, lambda module: module not in every)


def _members(graph: ModuleGraph, pattern: ModulePattern) -> list[set[str]]:
    """Return the modules of a package; of a pattern with `*` those of each package that it means."""
    by_package: dict[str, set[str]] = {}
    for module in graph.matching([pattern]):
        package = ".".join(module.split(".")[: pattern.text.count(".") + 1])
        by_package.setdefault(package, set()).add(module)
    return [by_package[package] for package in sorted(by_package)]


def _forbidden(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ForbiddenImports:
    importers, imported = (modules(needed(keys, name, rule)) for name in ("from", "to"))
    excepted, indirect = modules(keys.get("except")), flag(keys.get("indirect"), default=True)
    return ForbiddenImports(info, importers, imported, excepted, indirect, counts_typing(keys))


def _protected(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> ProtectedImports:
    return ProtectedImports(
        info, modules(needed(keys, "modules", rule)), modules(keys.get("importers")), counts_typing(keys)
    )


def _independent(info: RuleInfo, keys: Mapping[str, Node], rule: Node) -> Independence:
    node = needed(keys, "modules", rule)
    found = modules(node)
    if len(found) < 2 and "*" not in found[0].text:
        raise node.error("at least two modules are expected here, or a pattern with `*`")
    return Independence(info, found, counts_typing(keys))


KINDS = {
    "forbidden-imports": Kind("modules don't import others", ("from", "to", "except", "indirect", TYPING), _forbidden),
    "protected-imports": Kind("modules are imported by some alone", ("modules", "importers", TYPING), _protected),
    "independence": Kind("packages don't import one another", ("modules", TYPING), _independent),
}
