"""Environments: each may have a file of secrets of its own, `.env.secrets.NAME`, else it shares `.env.secrets`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from optimus_ops.errors import Refused
from optimus_ops.secrets.entry import Entry, environments_of
from optimus_ops.secrets.file_paths import BASE
from optimus_ops.secrets.paths import SecretsPaths

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
USUAL = frozenset({"production", "staging", "development"})


def paths_in(paths: SecretsPaths, environment: str, entries: Mapping[str, Entry]) -> SecretsPaths:
    """Return where an environment's secrets are: its own file if there is one, else the shared one.

    Raises:
        Refused: nobody knows such an environment: neither the schema nor a file nor the Compose files.
    """
    if not environment:
        return paths
    own = own_paths(paths, environment)
    known = USUAL | environments_of(entries)
    if environment not in known and not own.secrets_file.exists():
        raise Refused(
            f"no environment {environment!r}: neither .env.example nor a file {own.secrets_file.name} names it",
            f"known: {', '.join(sorted(known))}",
        )
    return own if own.secrets_file.exists() else replace(paths, environment=environment)


def own_paths(paths: SecretsPaths, environment: str) -> SecretsPaths:
    """Return the paths with the environment's own file, whether it is there or not.

    Services get files of one file of secrets: of the one that OPTIMUS_SECRETS_FILE names, or `.env.secrets`.
    """
    if not NAME.fullmatch(environment):
        raise Refused(f"bad name of an environment: {environment!r}", "use lower-case letters, digits and '-'")
    shared = paths.secrets_file
    name = f"{BASE if shared.name.startswith(f'{BASE}.') else shared.name}.{environment}"
    if shared.name == name:
        return replace(paths, environment=environment)
    return replace(paths, secrets_file=shared.with_name(name), delivered=False, environment=environment)
