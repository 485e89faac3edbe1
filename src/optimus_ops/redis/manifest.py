"""Format of a backup: a folder with the files of one server, and `backup.json` with their checksums.

redis-20260131T120000Z/       0700
  backup.json                 0600: format, server, version, keys, files with bytes and SHA-256
  dump.rdb                    a snapshot (BGSAVE)
  appendonlydir/              the append-only file, in parts (since Redis 7), as far as it was complete
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from optimus_ops.errors import Refused
from optimus_ops.system.atomic_write import atomic_write

NAME = "backup.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a backup; the path is within the folder, with `/`."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of `backup.json`."""

    made_at: str  # RFC 3339
    project: str
    server: str
    redis_version: str
    keys: int
    expiring: int  # of `keys`, those that expire
    snapshot: str  # path of the snapshot
    aof: str  # path of the append-only file's own manifest; "" if the server had none
    files: tuple[StoredFile, ...]  # all but this one

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(stored.bytes for stored in self.files)

    def as_text(self) -> str:
        """Return the document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def parse_manifest(text: str, source: str) -> Manifest:
    """Parse `backup.json` (`source`, in messages); raise `Refused` where it is malformed or names a foreign path."""
    try:
        raw: dict[str, Any] = json.loads(text)
        if raw["format"] != FORMAT:
            raise Refused(f"{source} has the format {raw['format']}, {FORMAT} is known", "use the version that made it")
        manifest = Manifest(
            **{name: str(raw[name]) for name in ("made_at", "project", "server", "redis_version", "snapshot", "aof")},
            keys=int(raw["keys"]),
            expiring=int(raw["expiring"]),
            files=tuple(StoredFile(str(it["path"]), int(it["bytes"]), str(it["sha256"])) for it in raw["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{source} is not the manifest of a backup", "name a folder that redis.backup made") from error
    named = {stored.path for stored in manifest.files}
    if manifest.snapshot not in named or (manifest.aof and manifest.aof not in named):
        raise Refused(f"{source} names a file that it has no sum of", "make another backup")
    for path in named:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or str(parts) != path or path in {"", ".", NAME}:
            raise Refused(f"{source} names the path {path!r}, which is none of its folder", "do not use this backup")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup; raise `Refused` where it is missing or malformed."""
    path = folder / NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise Refused(f"{path} is missing", "name a folder that redis.backup made") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read: {error}") from None
    return parse_manifest(text, str(path))


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its size and checksum; raise `Refused` where one is missing or was changed."""
    wrong = [text for stored in manifest.files for text in _wrong(folder, stored)]
    if wrong:
        hint = "nothing was touched; use another backup"
        raise Refused(f"the backup is not as it was made: {'; '.join(wrong)}", hint)


def _wrong(folder: Path, stored: StoredFile) -> Iterator[str]:
    path = folder / stored.path
    if path.is_symlink() or not path.is_file():
        yield f"{stored.path} is missing"
    elif path.stat().st_size != stored.bytes:
        yield f"{stored.path} has {path.stat().st_size} bytes instead of {stored.bytes}"
    elif sha256_of(path) != stored.sha256:
        yield f"{stored.path} has another SHA-256"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `backup.json` (0600), to the disk."""
    atomic_write(folder / NAME, manifest.as_text())
