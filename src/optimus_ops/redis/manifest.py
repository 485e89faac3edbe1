"""What a backup is: a folder with the files of one server, and `backup.json`, which says what they are and their sums.

redis-20260131T120000Z/       0700
  backup.json                 0600: format, server, version, keys, files with bytes and SHA-256
  dump.rdb                    a snapshot (BGSAVE)
  appendonlydir/              the append-only file, in parts (since Redis 7), as far as it was complete
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "backup.json"
FORMAT = 1
CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a backup.

    Args:
        path: within the folder, with `/`.
        bytes: its size.
        sha256: its sum, in hexadecimal.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `backup.json` says.

    Args:
        made_at: when the backup was made (RFC 3339).
        project: the stack it is of.
        server: the server's name.
        redis_version: its version.
        keys: keys that it had.
        expiring: those of them that expire by themselves.
        snapshot: path of the snapshot.
        aof: path of the append-only file's own manifest; "" if the server had none.
        files: all files but this one.
    """

    made_at: str
    project: str
    server: str
    redis_version: str
    keys: int
    expiring: int
    snapshot: str
    aof: str
    files: tuple[StoredFile, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(one.bytes for one in self.files)

    def as_text(self) -> str:
        """Return the document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def parse_manifest(text: str, source: str) -> Manifest:
    """Read `backup.json`.

    Args:
        text: its content.
        source: its name, for messages.

    Raises:
        Refused: it is malformed, of another format, or names a path outside of its folder.
    """
    try:
        raw: dict[str, Any] = json.loads(text)
        if raw["format"] != FORMAT:
            raise Refused(f"{source} has the format {raw['format']}, {FORMAT} is known", "use the version that made it")
        files = tuple(StoredFile(str(one["path"]), int(one["bytes"]), str(one["sha256"])) for one in raw["files"])
        made = Manifest(
            **{name: str(raw[name]) for name in ("made_at", "project", "server", "redis_version", "snapshot", "aof")},
            keys=int(raw["keys"]),
            expiring=int(raw["expiring"]),
            files=files,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{source} is not the manifest of a backup", "name a folder that redis.backup made") from error
    named = {one.path for one in files}
    if made.snapshot not in named or (made.aof and made.aof not in named):
        raise Refused(f"{source} names a file that it has no sum of", "make another backup")
    for one in files:
        _refuse_outside(one.path, source)
    return made


def _refuse_outside(path: str, source: str) -> None:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or str(parts) != path or path in {"", ".", NAME}:
        raise Refused(f"{source} names the path {path!r}, which is none of its folder", "do not use this backup")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises:
        Refused: there is none, or it is malformed.
    """
    path = folder / NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise Refused(f"{folder} holds no {NAME}", "name a folder that redis.backup made") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read: {error}") from None
    return parse_manifest(text, str(path))


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its size and sum.

    Raises:
        Refused: one is missing, was changed, or isn't a regular file.
    """
    wrong = [text for one in manifest.files for text in _wrong(folder, one)]
    if wrong:
        raise Refused(
            f"the backup is not as it was made: {'; '.join(wrong)}", "nothing was touched; use another backup"
        )


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
    descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(manifest.as_text())
        stream.flush()
        os.fsync(descriptor)
