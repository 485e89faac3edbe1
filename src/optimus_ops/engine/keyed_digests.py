"""Keyed digests of configuration and secrets: they show that a value changed, and nothing of the value.

A short secret could be guessed from a plain digest of it. Source: https://www.rfc-editor.org/rfc/rfc2104 (HMAC).
"""

from __future__ import annotations

import hmac
import itertools
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from optimus_ops.model.container_inputs import ContainerInput
from optimus_ops.system.atomic_write import atomic_write

KEY_BYTES = 32
DIGEST_DIGITS = 32
MOST_FILES = 2000
"""A folder with more files is no configuration; only so many are read."""
LARGE = 16 * 1024**2
"""From so many bytes on, a file is compared by size and time, not by content."""
KERNEL = tuple(Path(name) for name in ("/proc", "/sys", "/dev", "/var/lib/docker"))
WATCHED = frozenset(Path(name) for name in ("/", "/run", "/var", "/var/run", "/var/log", "/home"))
"""Folders of the host that change all the time, and are mounted to be observed."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a project's digests."""

    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Key | None:
        """Return the key in a file; None if there is none, or it is no key."""
        try:
            secret = bytes.fromhex(path.read_text("ascii"))
        except (OSError, ValueError):
            return None
        return cls(secret) if len(secret) == KEY_BYTES else None

    @classmethod
    def made(cls, path: Path) -> Key:
        """Return the key in a file, created where it is missing."""
        found = cls.read(path)
        if found is None:
            found = cls(secrets.token_bytes(KEY_BYTES))
            atomic_write(path, found.secret.hex())
        return found

    @property
    def id(self) -> str:
        """Its identifier, which reveals nothing of it."""
        return self.digest(b"id of the key")

    def digest(self, *parts: bytes) -> str:
        """Return the digest of some bytes; where one part ends and another begins counts."""
        total = hmac.new(self.secret, digestmod="sha256")
        for part in parts:
            total.update(len(part).to_bytes(8, "big") + part)
        return total.hexdigest()[:DIGEST_DIGITS]


def digests(given: Iterable[ContainerInput], key: Key, values: Mapping[str, str]) -> dict[str, str]:
    """Return key of what is given -> digest, but for what only changes together with something else.

    `values` are those of the environment variables that configs and secrets are made from.
    """
    found = {}
    for item in given:
        if not item.path:
            found[item.key] = key.digest(values.get(item.variable, item.content).encode("utf-8", "surrogateescape"))
        elif is_configuration(Path(item.path)):
            found[item.key] = key.digest(*_contents(Path(item.path)))
    return found


def split_secrets(given: Iterable[ContainerInput], secrets_folder: Path) -> tuple[ContainerInput, ...]:
    """Return what is given with each file of the projected secrets as an item of its own, so that it can be named.

    A folder that holds one file is named after it: it is mounted so that a new file in its place is seen.
    """
    found: list[ContainerInput] = []
    for item in given:
        path = Path(item.path)
        if not item.path or not path.is_relative_to(secrets_folder):
            found.append(_named_by_its_file(item))
            continue
        files = (file for file in files_of(path) if not file.name.startswith("."))
        found.extend(replace(item, kind="secret", name=file.name, path=str(file)) for file in files)
    return tuple(found)


def _named_by_its_file(item: ContainerInput) -> ContainerInput:
    path = Path(item.path)
    files = list(itertools.islice(_walk(path), 2)) if item.path and path.is_dir() else []
    return replace(item, name=files[0].name) if len(files) == 1 else item


def written_after(given: ContainerInput, seconds: float) -> bool:
    """Tell whether a file, or one in a folder, was written after a time (seconds since the epoch)."""
    path = Path(given.path)
    if not given.path or not is_configuration(path):
        return False
    times = (_mode_and_time(file)[1] for file in files_of(path))
    return any(time / 1e9 > seconds for time in times)


def is_configuration(path: Path) -> bool:
    """Tell whether a path on the host can be configuration: no socket or device, nothing of the kernel."""
    if path in WATCHED or any(path.is_relative_to(folder) for folder in KERNEL):
        return False
    mode, _time = _mode_and_time(path)
    return not mode or stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def files_of(path: Path) -> list[Path]:
    """Return the files of a folder, the first `MOST_FILES` in order; of a file, itself."""
    if not path.is_dir():
        return [path]
    return list(itertools.islice(_walk(path), MOST_FILES))


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(where) / name for name in sorted(names))


def _contents(path: Path) -> Iterator[bytes]:
    for file in files_of(path):
        yield str(PurePath(file).relative_to(path)).encode("utf-8", "surrogateescape")
        yield _content(file)


def _content(file: Path) -> bytes:
    """Return a file's content, or its metadata where it can't be read or is too large."""
    mode, written = _mode_and_time(file)
    try:
        size = file.stat().st_size
        if stat.S_ISREG(mode) and size <= LARGE:
            return b"content" + file.read_bytes()
    except FileNotFoundError:
        return b"missing"
    except OSError:
        size = -1
    return f"looks {mode} {size} {written}".encode()


def _mode_and_time(path: Path) -> tuple[int, int]:
    """Return a file's mode, 0 where there is none, and when it was written, in nanoseconds since the epoch."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mode, found.st_mtime_ns
