"""The values that output must not show: those of all files of secrets of a project, also former and unfinished ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.secrets.file_paths import BASE, secret_file_paths
from optimus_ops.secrets.rotations_under_way import ROTATIONS

VERSIONS = "secret-versions"
"""Folder of the state folder with former files."""


@dataclass(frozen=True)
class ValuesToMask:
    """The values of a project's files of secrets, as a source of what to mask."""

    root: Path

    def version(self) -> Hashable:
        """Return what changes when a file does."""
        return tuple(_stamps(self._paths()))

    def values(self) -> Iterable[str]:
        """Return what to mask of each file."""
        paths = self._paths()
        if not paths:
            return ()
        # Where there is no such file, nothing that reads one is loaded.
        from optimus_ops.secrets.secret_parts import parts_of_file  # noqa: PLC0415

        return frozenset(part for path in paths for part in parts_of_file(path))

    def _paths(self) -> tuple[Path, ...]:
        try:
            project = load_project(self.root)
            file, state = project.secrets_file, project.state
        except (OpsError, OSError):
            file, state = self.root / BASE, self.root / ".optimus"
        found = {
            *secret_file_paths(self.root, file),
            *(state / VERSIONS).glob("*"),
            *(state / ROTATIONS).glob("*/old"),
            *(state / ROTATIONS).glob("*/new"),
        }
        return tuple(sorted(path for path in found if path.is_file()))


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        yield path.name, found.st_ino, found.st_mtime_ns, found.st_size
