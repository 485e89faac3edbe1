"""What files import and how rules judge them, kept by content: a file that didn't change isn't parsed again.

A store is a file of lines, to which new ones are added: a hash of its name and the key, a seal, and a value as JSON.
A line that is damaged, or of another version of Python or of this package, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Formed = TypeVar("Formed")
FORMAT = 3
"""Grows when what is kept changes its form."""
MOST_FORMED = 40_000
MOST_BYTES = 8_000_000
"""A larger store is halved: the older lines go."""
MOST_BYTES_OF_TREES = 200_000
OF_FILES = frozenset({"imports", "shapes", "findings"})
"""Stores with an entry for each file; the others have one for each state of all files."""
HASH = 32


@dataclass
class ParseCache:
    """Values by name of a store and key; `folder` is None where nothing is kept."""

    folder: Path | None = None
    _values: dict[tuple[str, str], Any] = field(default_factory=dict)
    _formed: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lines: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    _added: dict[str, list[bytes]] = field(default_factory=dict)

    def get(self, name: str, key: str, make: Callable[[], Any]) -> Any:
        """Return a value of JSON's types, made if it isn't there; the same for the same name and key for good."""
        if not self.has(name, key):
            self._values[name, key] = value = make()
            self._added.setdefault(name, []).append(_line(name, key, value))
        return self._values[name, key]

    def has(self, name: str, key: str) -> bool:
        """Tell whether a value was made before."""
        if (name, key) in self._values:
            return True
        if name not in self._lines:
            self._lines[name] = self._read(name)
        address = _address(name, key)
        line = self._lines[name].get(address, b"")
        text = line[HASH:]
        if line[:HASH] != _seal(address, text):
            return False
        self._values[name, key] = json.loads(text)
        return True

    def formed(self, name: str, key: str, make: Callable[[], Any], form: Callable[[Any], Formed]) -> Formed:
        """Return a value as `form` has it; a process that stays, forms it once."""
        found: Formed | None = self._formed.get((name, key))
        if found is None:
            if len(self._formed) >= MOST_FORMED:
                self._formed.clear()
            found = self._formed[name, key] = form(self.get(name, key, make))
        return found

    def write(self) -> None:
        """Keep what was made; a folder that can't be written is no failure."""
        added, self._added = self._added, {}
        if self.folder is not None:
            for name, lines in sorted(added.items()):
                with suppress(OSError):
                    _append(
                        self.folder / _file(name),
                        b"".join(lines),
                        MOST_BYTES if name in OF_FILES else MOST_BYTES_OF_TREES,
                    )

    def _read(self, name: str) -> dict[bytes, bytes]:
        if self.folder is None:
            return {}
        try:
            lines = (self.folder / _file(name)).read_bytes().split(b"\n")
        except OSError:
            return {}
        return {line[:HASH]: line[HASH:] for line in lines}


def _file(name: str) -> str:
    return f"{name}.cache"


def _line(name: str, key: str, value: Any) -> bytes:
    address, text = _address(name, key), json.dumps(value, separators=(",", ":")).encode()
    # Behind a line that another process was kept from ending.
    return b"\n" + address + _seal(address, text) + text


def _address(name: str, key: str) -> bytes:
    return hashlib.sha256(f"{name} {key}".encode("utf-8", "surrogateescape")).hexdigest()[:HASH].encode()


def _seal(address: bytes, text: bytes) -> bytes:
    """Return what is the same for the same value, made by the same code."""
    return hashlib.sha256(_made_by() + address + text).hexdigest()[:HASH].encode()


@cache
def _made_by() -> bytes:
    """Return what changes whenever Python or this package does."""
    folder = Path(__file__).parent
    facts = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*.py"))
    return hashlib.sha256(repr((FORMAT, sys.version, facts)).encode()).digest()


def _append(path: Path, lines: bytes, most: int) -> None:
    from optimus_ops.system.ignored_folder import make_ignored  # noqa: PLC0415 - for writing alone

    make_ignored(path.parent)
    descriptor = os.open(
        path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
    )
    with os.fdopen(descriptor, "ab") as stream:
        stream.write(lines)
        size = stream.tell()
    if size > most:
        _halve(path)


def _halve(path: Path) -> None:
    from optimus_ops.system.atomic_write import atomic_write  # noqa: PLC0415 - rarely

    data = path.read_bytes()
    atomic_write(path, data[data.find(b"\n", len(data) // 2) :].decode("utf-8", "replace"))
