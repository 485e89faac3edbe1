"""`invoke secrets.list`, `diff`, `get`, `set` and `run`: what is done with single keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.commandline.usage import near
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import load_project
from optimus_ops.secrets import difference, dotenv, listing, run_command, set_value, store
from optimus_ops.secrets.commands import described_paths
from optimus_ops.secrets.entry import Entry, in_environment
from optimus_ops.secrets.environments import NAME, USUAL, own_paths, paths_in
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import ages_of, observe, read_entries
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
            raise set_value.missing_file(self.paths)
        return document.values


def show_list(*, json: bool, environment: str = "", root: Path | None = None) -> None:
    """Print every secret with its state, age and readers."""
    keys = KeyStore.open(environment, root)
    observed = observe(keys.paths)
    document = observed.document or dotenv.Document()
    rows = listing.secret_rows(in_environment(keys.entries, environment), document, ages_of(keys.paths, observed))
    listing.show(rows, keys.paths.secrets_file.name, json=json)


def show_diff(a: str, b: str, *, json: bool, root: Path | None = None) -> None:
    """Print which keys two files of secrets, or those of two environments, have in common."""
    keys = KeyStore.open("", root)
    files = [_compared(keys, name) for name in (a, b)]
    if files[0].resolve() == files[1].resolve():
        raise Refused(f"{a} and {b} are the same file: {files[0].name}", "name two files or environments")
    found = difference.compare(*(_read(path).values for path in files))
    difference.show(found, a, b, json=json)


def _compared(keys: KeyStore, name: str) -> Path:
    """Return the file that a word stands for: an environment's, if it is the name of one, else a path."""
    if NAME.fullmatch(name):
        own = own_paths(keys.paths, name).secrets_file
        if own.exists():
            return own
        if name in USUAL and not Path(name).exists():
            return keys.paths.secrets_file
    return Path(name)


def _read(path: Path) -> dotenv.Document:
    stored = store.read(path)
    if stored is None:
        raise Refused(f"there is neither a file {path} nor an environment of that name", "invoke secrets.diff A B")
    return dotenv.parse(stored.content.reveal(), path.name)


def print_value(key: str, *, environment: str = "", root: Path | None = None) -> None:
    """Write one value and a line end to standard output, whatever the locale."""
    keys = KeyStore.open(environment, root)
    keys.entry(key)
    value = keys.values().get(key)
    if not value:
        raise OpsError(
            f"{key} is empty in {keys.paths.secrets_file.name}", f"to give it a value: invoke secrets.set {key}"
        )
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{value.reveal()}\n".encode())
    sys.stdout.buffer.flush()


def change_value(
    key: str, options: ChangeOptions, *, environment: str = "", clear: bool = False, root: Path | None = None
) -> None:
    """Set one value, and bring the files of the services that read it up to date."""
    keys = KeyStore.open(environment, root)
    entry = keys.entry(key)
    if environment and own_paths(keys.paths, environment).secrets_file != keys.paths.secrets_file:
        raise Refused(
            f"{environment} has no file of its own: it shares {keys.paths.secrets_file.name}",
            f"leave --environment out, or make one: invoke secrets.init --environment {environment}",
        )
    value = Secret("") if clear else set_value.ask(key)
    set_value.check_value(entry, value, keys.paths.secrets_file.name)
    with ChangeRun(keys.state, keys.project, options) as run:
        planned = set_value.plan_set(keys.project, keys.paths, entry, value)
        run.execute(planned, set_value.SetExecutor(keys.paths, keys.entries, value))
        if planned and keys.paths.delivered and entry.readers:
            run.console.say(f"services take it over with: invoke deploy {' '.join(entry.readers)}")
        run.finish(key=key, file=keys.paths.secrets_file.name)


def run(service: str, *, environment: str = "", root: Path | None = None) -> None:
    """Become a command that has secrets in its environment."""
    words = run_command.command_words(sys.argv)
    keys = KeyStore.open(environment, root)
    values = keys.values()
    given = run_command.values_for(in_environment(keys.entries, environment), values, service)
    unknown = [key for key in values if key not in keys.entries]
    if unknown and not service:
        example = keys.paths.example.name
        sys.stderr.write(f"not handed over, since {example} doesn't describe it: {', '.join(unknown)}\n")
    run_command.replace_process(words, os.environ | {key: value.reveal() for key, value in given.items()})
