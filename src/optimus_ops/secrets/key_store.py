"""A file of secrets, opened for what is done with its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.commandline.usage import near
from optimus_ops.errors import Refused
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import dotenv
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.environments import paths_in
from optimus_ops.secrets.paths import SecretsPaths, described_paths
from optimus_ops.secrets.provision import observe, read_entries
from optimus_ops.secrets.value import Secret


@dataclass(frozen=True, slots=True)
class KeyStore:
    """A file of secrets and what describes it."""

    project: str
    state: Path
    paths: SecretsPaths
    entries: Mapping[str, Entry]

    @classmethod
    def open(cls, environment: str, root: Path | None) -> KeyStore:
        """Return an environment's file of secrets, the shared one for ""."""
        project = load_project(root)
        paths = described_paths(project)
        entries = read_entries(paths)
        return cls(project.name, project.state, paths_in(paths, environment, entries), entries)

    def entry(self, key: str) -> Entry:
        """Return what is known of a key.

        Raises:
            Refused: nothing is. What is no name isn't repeated: it may be a value.
        """
        if not dotenv.KEY.fullmatch(key):
            raise Refused("that is no name of a secret", "give the name alone: a value never stands on a command line")
        if key not in self.entries:
            raise Refused(
                f"{self.paths.example.name} knows no secret {key}", near(key, self.entries, "invoke secrets.list")
            )
        return self.entries[key]

    def values(self) -> Mapping[str, Secret]:
        """Return the values of the file; it must be there."""
        document = observe(self.paths).document
        if document is None:
            raise missing_file(self.paths)
        return document.values


def missing_file(paths: SecretsPaths) -> Refused:
    """Return the refusal for a file that isn't there yet."""
    environment = "" if paths.delivered else f" --environment {paths.environment}"
    return Refused(f"there is no {paths.secrets_file.name} yet", f"invoke secrets.init{environment} makes it")
