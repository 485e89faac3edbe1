"""Which modules import which, and the chains that lead from some to others.

An edge is what grimp has as one: `from package import name` is an import of the module of that name where there is
one, else of the package. What a package imports as it is imported itself is not followed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from optimus_ops.guardrails.imports import ImportedName
from optimus_ops.guardrails.modules import ModulePattern, SourceRoots, with_packages


class Edge(NamedTuple):
    """An import, and the file that it is in."""

    importer: str
    imported: str
    file: str
    at: ImportedName


@dataclass(frozen=True)
class Chain:
    """Imports that lead from a module to another one."""

    edges: tuple[Edge, ...]

    @property
    def ends(self) -> tuple[str, str]:
        """The module at which it begins, and that at which it ends."""
        return self.edges[0].importer, self.edges[-1].imported

    def __str__(self) -> str:
        return " → ".join([self.edges[0].importer, *(edge.imported for edge in self.edges)])


class CountsTyping(Protocol):
    """A rule that says whether imports for type checkers count."""

    @property
    def type_checking(self) -> bool:
        """Whether they do."""


@dataclass(frozen=True)
class ModuleGraph:
    """The imports of all modules: `edges` by importer and imported module, `typing` those for type checkers alone."""

    files: Mapping[str, str]
    edges: Mapping[str, Mapping[str, Edge]]
    nodes: frozenset[str] = field(default=frozenset())
    typing: Mapping[str, Mapping[str, Edge]] = field(default_factory=dict)

    def seen_by(self, rule: CountsTyping) -> ModuleGraph:
        """Return the graph as a rule sees it: with the imports for type checkers, or without."""
        return self._with_typing if rule.type_checking else self

    @cached_property
    def _with_typing(self) -> ModuleGraph:
        edges = {name: {**self.typing.get(name, {}), **found} for name, found in self.edges.items()}
        nodes = frozenset(name for found in self.typing.values() for name in found)
        return ModuleGraph(self.files, edges, self.nodes | nodes)

    def matching(self, patterns: Iterable[ModulePattern]) -> set[str]:
        """Return the modules, those of other projects included, that patterns cover."""
        found: set[str] = set()
        for pattern in patterns:
            if "*" in pattern.text:
                found.update(name for name in self.nodes if pattern.covers(name))
            else:
                found.update(self._below.get(pattern.text, ()))
        return found

    @cached_property
    def _below(self) -> Mapping[str, list[str]]:
        """Each package, and the modules that it has, itself included."""
        below: dict[str, list[str]] = {}
        for name in self.nodes:
            for package in with_packages(name):
                below.setdefault(package, []).append(name)
        return below

    def has(self, edge: Edge) -> bool:
        """Tell whether there is an edge between the same modules."""
        return edge.imported in self.edges.get(edge.importer, {})

    def chains(
        self, sources: Iterable[str], targets: Collection[str], between: Callable[[str], bool]
    ) -> Iterator[Chain]:
        """Give the shortest chain from each source to each target, through modules `between` them alone."""
        for source in sorted(sources):
            arrived: dict[str, Edge] = {}
            waiting = deque([source])
            while waiting:
                module = waiting.popleft()
                for imported, edge in self.edges.get(module, {}).items():
                    if imported in arrived or imported == source:
                        continue
                    if imported in targets:
                        arrived[imported] = edge
                    elif between(imported):
                        arrived[imported] = edge
                        waiting.append(imported)
            yield from (_chain(source, target, arrived) for target in arrived if target in targets)


def _chain(source: str, target: str, arrived: Mapping[str, Edge]) -> Chain:
    edges = [arrived[target]]
    while edges[0].importer != source:
        edges.insert(0, arrived[edges[0].importer])
    return Chain(tuple(edges))


def module_graph(
    imports: Mapping[str, Iterable[ImportedName]], roots: SourceRoots, renamed: Mapping[str, str] | None = None
) -> ModuleGraph:
    """Return the graph of files: path -> what it imports; the imports of type checkers are kept apart.

    With `renamed`, modules have the names that their files have later: old path -> new path.
    """
    later = renamed or {}
    own = {path: module for path in imports if (module := roots.module(path))}
    names = {module: roots.module(later.get(path, path)) or module for path, module in own.items()}
    edges: dict[str, dict[str, Edge]] = {}
    typing: dict[str, dict[str, Edge]] = {}
    for path, module in own.items():
        importer, file = names[module], later.get(path, path)
        found, hinted = edges.setdefault(importer, {}), typing.setdefault(importer, {})
        for imported in imports[path]:
            target = _target(imported, module, names, is_package=path.endswith("/__init__.py"))
            named = names.get(target, target)
            if named != importer:
                (hinted if imported.typing else found).setdefault(named, Edge(importer, named, file, imported))
    every = frozenset(name for found in edges.values() for name in found) | frozenset(names.values())
    return ModuleGraph({names[module]: later.get(path, path) for path, module in own.items()}, edges, every, typing)


def _target(imported: ImportedName, module: str, known: Collection[str], *, is_package: bool) -> str:
    base = imported.module
    if base.startswith("."):
        dots = len(base) - len(base.lstrip("."))
        parts = module.split(".") if is_package else module.split(".")[:-1]
        parts = parts[: len(parts) - (dots - 1)]
        base = ".".join([*parts, *filter(None, [base.lstrip(".")])])
    if not imported.name or imported.name == "*":
        return base
    full = ".".join(filter(None, [base, imported.name]))
    return full if full in known or base not in known else base
