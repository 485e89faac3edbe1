"""Ages of secrets: when each value was last changed, kept beside the state and never in the file of secrets.

A value is known again by a keyed digest (HMAC with a private key of this checkout): a short secret can't be guessed
from it, as it could from a plain one. A change that was made by hand is noticed the next time that somebody looks, and
dated by the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from optimus_ops.engine.keyed_digests import Key
from optimus_ops.secrets.store import StoredFile
from optimus_ops.secrets.value import Secret
from optimus_ops.system.atomic_write import atomic_write

Origin = Literal["generated", "set", "edited", "rotated", "restored"]
ORIGINS: tuple[Origin, ...] = ("generated", "set", "edited", "rotated", "restored")
VERSION = 1
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Age:
    """Since when a key has its value, in seconds since the epoch, and how it got it (`edited`: by hand)."""

    fingerprint: str = field(repr=False)
    since: float
    origin: Origin

    def days(self, now: float) -> float:
        """Return the age in days; 0 where the clock was set back since."""
        return max(0.0, now - self.since) / DAY


Ages = Mapping[str, Age]


@dataclass(frozen=True, slots=True)
class AgeBook:
    """The ages of all files of secrets of a checkout, in its state folder."""

    folder: Path

    @property
    def _path(self) -> Path:
        return self.folder / "secret-ages.json"

    @property
    def _key_path(self) -> Path:
        return self.folder / "secret-ages.key"

    def current(self, file: str, stored: StoredFile, values: Mapping[str, Secret]) -> Ages:
        """Return the ages of a file's values, without writing anything."""
        key = Key.read(self._key_path)
        # Without a key nothing was noted yet, and what any other key says of the values is not kept.
        return seen_ages(self._noted(file, key) if key else {}, key or Key(b""), stored, values, {})

    def note(self, file: str, stored: StoredFile, values: Mapping[str, Secret], changed: Mapping[str, Origin]) -> Ages:
        """Write the ages of a file's values down; `changed` says how those that were just changed got theirs."""
        key = Key.made(self._key_path)
        before = self._noted(file, key)
        ages = seen_ages(before, key, stored, values, changed)
        if ages != before:
            document = self._document(key)
            files = {**document, file: {name: asdict(age) for name, age in ages.items()}}
            atomic_write(self._path, json.dumps({"version": VERSION, "key": key.id, "files": files}, indent=1))
        return ages

    def put_back(self, file: str, name: str, since: float, origin: str) -> None:
        """Date the value that a key has now by when it had it before, as a change that is taken back does."""
        key = Key.made(self._key_path)
        noted = self._noted(file, key)
        former = (
            _age({"fingerprint": noted[name].fingerprint, "since": since, "origin": origin}) if name in noted else None
        )
        if former is not None:
            files = {**self._document(key), file: {at: asdict(age) for at, age in {**noted, name: former}.items()}}
            atomic_write(self._path, json.dumps({"version": VERSION, "key": key.id, "files": files}, indent=1))

    def _noted(self, file: str, key: Key) -> Ages:
        found = self._document(key).get(file)
        return {name: age for name, record in found.items() if (age := _age(record))} if isinstance(found, dict) else {}

    def _document(self, key: Key) -> Mapping[str, Any]:
        """Return file -> its ages; nothing if the book is missing, damaged, or was written with another key."""
        try:
            document = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        usable = isinstance(document, dict) and (document.get("version"), document.get("key")) == (VERSION, key.id)
        files = document.get("files") if usable else None
        return files if isinstance(files, dict) else {}


def seen_ages(
    noted: Ages, key: Key, stored: StoredFile, values: Mapping[str, Secret], changed: Mapping[str, Origin]
) -> Ages:
    """Return the ages of values: as noted where the value is the same, else since the file was written."""
    ages = {}
    for name, value in values.items():
        if not value:
            continue
        fingerprint = key.digest(name.encode(), value.reveal().encode())
        known = noted.get(name)
        if known is None or known.fingerprint != fingerprint:
            known = Age(fingerprint, stored.written, changed.get(name, "edited"))
        ages[name] = known
    return ages


def _age(record: object) -> Age | None:
    if not isinstance(record, dict):
        return None
    fingerprint, since = record.get("fingerprint"), record.get("since")
    origins = [origin for origin in ORIGINS if origin == record.get("origin")]
    if not (isinstance(fingerprint, str) and isinstance(since, int | float) and origins):
        return None
    return Age(fingerprint, since, origins[0])
