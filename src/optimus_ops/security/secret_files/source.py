"""All files of secrets of a checkout, those of environments included, with what the schema says of their keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.project.dotenv import read_dotenv
from optimus_ops.project.settings import Project
from optimus_ops.secrets import dotenv, store
from optimus_ops.secrets.ages import Ages
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.file_paths import BASE, secret_file_paths
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import read_entries
from optimus_ops.secrets.retired import RetiredValues
from optimus_ops.secrets.rotations_under_way import ROTATIONS
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret
from optimus_ops.security.exposure.known_values import KnownSecret


@dataclass(frozen=True)
class SecretFile:
    """One file of secrets.

    Args:
        document: None where it can't be read as one; `problem` says why.
        values: also of a file that can't be read strictly, as far as they can be made out.
    """

    path: Path
    stored: StoredFile | None
    document: Document | None
    values: Mapping[str, Secret]
    ages: Ages
    problem: str = ""

    @property
    def environment(self) -> str:
        """The environment that the file's name tells; "" for the shared one."""
        return self.path.name.removeprefix(f"{BASE}.") if self.path.name.startswith(f"{BASE}.") else ""


@dataclass(frozen=True)
class SecretSource:
    """The files of secrets of a checkout, and the schema's entries; none where there is no schema."""

    paths: SecretsPaths
    entries: Mapping[str, Entry]
    files: tuple[SecretFile, ...]
    retired: RetiredValues
    rotated: tuple[tuple[str, str, Secret], ...] = ()

    @classmethod
    def read(cls, project: Project) -> SecretSource:
        """Read what there is."""
        paths = SecretsPaths.of(project)
        entries = read_entries(paths) if paths.described else {}
        found = (_read(path, paths) for path in secret_paths(project))
        return cls(
            paths, entries, tuple(found), RetiredValues(project.state), tuple(_rotated(project.state / ROTATIONS))
        )

    def secrets(self) -> Iterator[KnownSecret]:
        """Give each key of each file, and both values of rotations under way: targets take both."""
        for rotation, key, value in self.rotated:
            yield KnownSecret(f"{key} ({rotation} of a rotation)", value)
        for file in self.files:
            for key, value in file.values.items():
                yield KnownSecret(key, value, self.entries[key].type if key in self.entries else "text")


def secret_paths(project: Project) -> tuple[Path, ...]:
    """Return the paths of all files of secrets: the project's, and those of environments beside it."""
    names = secret_file_paths(project.root, project.secrets_file)
    return tuple(sorted(path for path in names if path.is_symlink() or path.is_file()))


def _rotated(folder: Path) -> Iterator[tuple[str, str, Secret]]:
    """Give which of both values, key and value of each rotation whose values are still kept."""
    for which in ("old", "new"):
        for path in sorted(folder.glob(f"*/{which}")):
            with contextlib.suppress(OpsError):
                if stored := store.read(path):
                    yield which, path.parent.name, stored.content


def _read(path: Path, paths: SecretsPaths) -> SecretFile:
    try:
        stored = store.read(path)
        document = dotenv.parse(stored.content.reveal(), path.name) if stored else None
    except OpsError as error:
        # What can be made out of it is looked for all the same.
        values = {key: Secret(value) for key, value in read_dotenv(path, {}).items()}
        return SecretFile(path, None, None, values, {}, error.message)
    values = dict(document.values) if document else {}
    ages = paths.ages.current(path.name, stored, values) if paths.ages and stored else {}
    return SecretFile(path, stored, document, values, ages)
