"""Which service may read which secret: the files of each service's folder, least privilege.

A folder is mounted read-only at /run/secrets of its service. Files are 0444 because containers run as another user;
what keeps them from others on the host is the parent folder, 0700.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from optimus_ops.secrets.entry import Entry, secondary
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret

FILE_MODE = 0o444
ACL_FILE = "users.acl"


def desired(entries: Mapping[str, Entry], values: Mapping[str, Secret]) -> Mapping[str, Secret]:
    """Return `service/name` -> content for everything that has a value; content has no newline at its end."""
    files: dict[str, Secret] = {}
    for key, entry in entries.items():
        value = values.get(key)
        if not value:
            continue
        files |= {f"{service}/{key}": value for service in entry.consumers}
        valid = (value, *map(Secret, values.get(secondary(key), Secret("")).reveal().splitlines()))
        files |= {f"{service}/{ACL_FILE}": redis_acl(*valid) for service in entry.redis_acl}
    return files


def names(entries: Mapping[str, Entry], keys: frozenset[str]) -> frozenset[str]:
    """Return the files that some keys are projected to, whatever their values."""
    return frozenset(desired(entries, dict.fromkeys(keys, Secret("any"))))


def services(entries: Mapping[str, Entry]) -> frozenset[str]:
    """Return every service that has a folder, also where all it may read is still empty."""
    return frozenset(name for entry in entries.values() for name in (*entry.consumers, *entry.redis_acl))


def redis_acl(*passwords: Secret) -> Secret:
    """Return a Redis ACL file in which the default user may do everything with any of the passwords.

    They are kept as their SHA-256.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ (rule `#<hash>`).
    """
    hashes = dict.fromkeys(hashlib.sha256(password.reveal().encode()).hexdigest() for password in passwords)
    return Secret(f"user default on {' '.join(f'#{digest}' for digest in hashes)} ~* &* +@all\n")


def changed(files: Mapping[str, Secret], found: Mapping[str, StoredFile | None]) -> tuple[str, ...]:
    """Return the files to write: missing, different, or with the wrong mode."""
    return tuple(name for name, content in sorted(files.items()) if not _same(found.get(name), content))


def _same(stored: StoredFile | None, content: Secret) -> bool:
    return stored is not None and stored.mode == FILE_MODE and stored.content == content


def stale(wanted: frozenset[str], found: Mapping[str, StoredFile | None]) -> tuple[str, ...]:
    """Return the files that are there and not wanted, left-overs of an interrupted write included."""
    return tuple(sorted(set(found) - wanted))
