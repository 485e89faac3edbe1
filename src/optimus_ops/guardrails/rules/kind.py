"""What a rule can be asked, by what it judges: Python, YAML, the graph of imports, or which files changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from optimus_ops.guardrails.facts import Facts
from optimus_ops.guardrails.graph import Chain, ModuleGraph
from optimus_ops.guardrails.model import Match, RuleInfo
from optimus_ops.guardrails.modules import ModulePattern
from optimus_ops.guardrails.rules.fields import FileScope, Glob
from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.project.yaml_nodes import Node


@runtime_checkable
class FileRule(Protocol):
    """Judges each file of Python by itself."""

    @property
    def info(self) -> RuleInfo:
        """What all rules have."""

    @property
    def scope(self) -> FileScope:
        """The files that it is about."""

    def matches(self, path: str, facts: Facts) -> Iterator[Match]:
        """Give where a file breaks it."""


@runtime_checkable
class YamlRule(Protocol):
    """Judges each YAML file, with the others at hand."""

    @property
    def info(self) -> RuleInfo:
        """What all rules have."""

    @property
    def scope(self) -> FileScope:
        """The files that it is about."""

    @property
    def alone(self) -> bool:
        """Whether no other file can make one break it."""

    def found_in(self, path: str, files: YamlFiles) -> Iterator[Match]:
        """Give where a file breaks it.

        Raises:
            YamlError: a file that matters can't be read.
        """


@runtime_checkable
class GraphRule(Protocol):
    """Judges imports, of all modules together."""

    @property
    def info(self) -> RuleInfo:
        """What all rules have."""

    @property
    def patterns(self) -> tuple[ModulePattern, ...]:
        """The modules that it names."""

    @property
    def type_checking(self) -> bool:
        """Whether imports for type checkers count."""

    def broken(self, graph: ModuleGraph) -> Iterator[Chain | Match]:
        """Give the chains of imports that break it, and what breaks it without any."""


@runtime_checkable
class ChangeRule(Protocol):
    """Judges which files changed together."""

    @property
    def info(self) -> RuleInfo:
        """What all rules have."""

    @property
    def globs(self) -> tuple[Glob, ...]:
        """The files that it names."""

    def unaccompanied(self, changed: Collection[str]) -> Iterator[Match]:
        """Give the changed files without those that have to change with them."""


Rule: TypeAlias = FileRule | YamlRule | GraphRule | ChangeRule


@dataclass(frozen=True)
class Kind:
    """A kind of rules: what it is for, the keys that it has beside those of all, and how it is read."""

    summary: str
    keys: tuple[str, ...]
    read: Callable[[RuleInfo, Mapping[str, Node], Node], Rule]
