"""What the areas of a check share: the project, its secrets, what is looked for, the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.port import Engine
from optimus_ops.images.known_secrets import host_passwords
from optimus_ops.project.settings import Project
from optimus_ops.secrets import projection
from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.known_values import KnownSecret, KnownValues, known_values
from optimus_ops.security.exposure.matcher import Matcher
from optimus_ops.security.hardening.compose_check import Combination
from optimus_ops.security.secret_files.modes import PrivatePaths
from optimus_ops.security.secret_files.source import SecretSource, secret_paths
from optimus_ops.stack.overlays import compose_of


@dataclass(frozen=True)
class CheckContext:
    """What the areas share; `note` shows what is being looked at."""

    project: Project
    source: SecretSource
    note: Callable[[str], None] = lambda _: None
    connect: Callable[[], Engine] = DockerEngine.connect
    compose_files: Callable[[Project, tuple[Path, ...]], Compose] = DockerCompose

    @property
    def root(self) -> Path:
        """The checkout."""
        return self.project.root

    @cached_property
    def values(self) -> KnownValues:
        """What is looked for: all values of all files of secrets, and passwords of package indexes and proxies."""
        others = [
            KnownSecret(f"password {number} of index or proxy", Secret(found))
            for number, found in enumerate(host_passwords(os.environ), 1)
        ]
        return known_values([*self.source.secrets(), *others])

    @cached_property
    def matcher(self) -> Matcher:
        """Finds known values and keys of providers."""
        return Matcher.of(self.values)

    @cached_property
    def values_only(self) -> Matcher:
        """Finds known values."""
        return Matcher.of(self.values, ())

    @cached_property
    def engine(self) -> Engine:
        """The engine.

        Raises:
            MissingPrerequisite: there is none.
        """
        return self.connect()

    @property
    def private(self) -> PrivatePaths:
        """What is to be private."""
        project = self.project
        return PrivatePaths(project.root, secret_paths(project), project.secrets, project.state)

    @property
    def granted(self) -> dict[str, set[str]]:
        """Folder of secrets -> files that the schema puts there, and its own folders that may be empty."""
        granted: dict[str, set[str]] = {name: set() for name in projection.services(self.source.entries)}
        for name in projection.names(self.source.entries, frozenset(self.source.entries)):
            folder, _, file = name.partition("/")
            granted[folder].add(file)
        return granted

    def running_compose(self) -> Compose:
        """Return the Compose files that the running stack was made from; without one, those that are always on."""
        return compose_of(self.project, self.engine.files(self.project.name))

    def every_combination(self) -> Iterator[Combination]:
        """Give the base with every choice of overlays."""
        project = self.project
        names = tuple(dict.fromkeys([*project.overlays, *project.optional_overlays, *project.plain_overlays]))
        base = [project.compose / project.base, *project.further]
        stem, _, suffix = project.base.rpartition(".")
        for count in range(len(names) + 1):
            for chosen in combinations(names, count):
                files = [*base, *(project.compose / f"{stem}.{name}.{suffix}" for name in chosen)]
                yield Combination(chosen, self.compose_files(project, tuple(files)).with_pins(Pins()))
