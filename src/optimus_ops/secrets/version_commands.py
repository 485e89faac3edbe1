"""`invoke secrets.versions`, and versions as words on command lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from optimus_ops.errors import Refused
from optimus_ops.secrets.environments import own_paths
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.snapshot import Snapshot
from optimus_ops.secrets.versions import WORD, Version
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import make_table, render
from optimus_ops.text.units import counted

HEADERS = ("VERSION", "UNTIL", "REPLACED BY", "CHANGES SINCE IT")
SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def show_versions(*, json: bool, environment: str = "", root: Path | None = None) -> None:
    """Print the versions of a file of secrets, newest first: numbers, times and names, never values."""
    keys = KeyStore.open(environment, root)
    file = keys.paths.secrets_file.name
    found = keys.paths.versions.listed(file)[::-1] if keys.paths.versions else ()
    if json:
        print_json({"file": file, "versions": [_document(version) for version in found]})
        return
    console = Console.standard()
    if found:
        table = make_table(HEADERS, map(_cells, found), folded={"CHANGES SINCE IT"})
        console.say(render([table], colour=console.colour, columns=layout_columns(console.stream)).removesuffix("\n"))
    console.say(f"{file}: {counted(len(found), 'version')} kept; each is what the file was before a change")


def named_version(word: str, keys: KeyStore) -> tuple[SecretsPaths, str, Snapshot] | None:
    """Return the file that a word (`@3`, `@latest`, `staging@3`) means a version of, how it is called, and what it was.

    None: the word means no version.
    """
    match = WORD.fullmatch(word)
    if match is None:
        return None
    paths = own_paths(keys.paths, match["environment"]) if match["environment"] else keys.paths
    if paths.versions is None:
        raise Refused(f"no versions of {paths.secrets_file.name} are kept here")
    number, snapshot = paths.versions.read(paths.secrets_file.name, match["number"])
    return paths, f"{match['environment'] or ''}@{number}", snapshot


def _document(version: Version) -> Mapping[str, object]:
    if version.snapshot is None:
        return {"version": version.number, "damaged": True}
    shown = version.snapshot.metadata()
    return {"version": version.number, "damaged": False, **{key: shown[key] for key in ("time", "task", "changes")}}


def _cells(version: Version) -> tuple[str, ...]:
    found = version.snapshot
    if found is None:
        return f"@{version.number}", "-", "-", "damaged"
    changes = " ".join(_signed(found.changes.items())) or "comments or order only"
    return f"@{version.number}", found.time[:19] + "Z", found.task, changes


def _signed(changes: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{SIGNS.get(change, '?')}{key}" for key, change in changes)
