"""`invoke secrets.list`, `diff`, `get` and `run`: what reads the secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.secrets import difference, dotenv, listing, run_command, store
from optimus_ops.secrets.entry import environments_of, in_environment
from optimus_ops.secrets.environments import NAME, USUAL, own_paths
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.provision import ages_of, observe
from optimus_ops.secrets.value import Secret
from optimus_ops.secrets.version_commands import named_version


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
    (first, values), (second, others) = (_compared(keys, name) for name in (a, b))
    if first == second:
        raise Refused(f"{a} and {b} are the same: {Path(first).name}", "name two files, environments or versions")
    difference.show(difference.compare(values, others), a, b, json=json)


def _compared(keys: KeyStore, name: str) -> tuple[str, Mapping[str, Secret]]:
    """Return what a word stands for, by a name that nothing else has, and its values."""
    if version := named_version(name, keys):
        _paths, label, snapshot = version
        return label, snapshot.document.values
    path = _file(keys, name)
    return str(path.resolve()), _read(path).values


def _file(keys: KeyStore, name: str) -> Path:
    """Return the file that a word stands for: an environment's, if it is the name of one, else a path."""
    if NAME.fullmatch(name):
        own = own_paths(keys.paths, name).secrets_file
        if own.exists():
            return own
        if name in USUAL | environments_of(keys.entries) and not Path(name).exists():
            return keys.paths.secrets_file
    return Path(name)


def _read(path: Path) -> dotenv.Document:
    stored = store.read(path)
    if stored is None:
        raise Refused(
            f"there is neither a file {path} nor an environment of that name",
            "invoke secrets.diff A B: files, environments, or versions (@3, @latest)",
        )
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
