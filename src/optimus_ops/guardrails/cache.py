"""What files import and how rules judge them, kept by content: a file that didn't change isn't parsed again."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Formed = TypeVar("Formed")
FORMAT = 2
"""Grows when what is kept changes its form."""
MOST_KEPT = 40_000
MOST_OF_TREES = 500
"""Of what is kept for whole trees of files: there is a new one after each edit."""
OF_FILES = frozenset({"imports", "findings"})


@dataclass
class ParseCache:
    """A store of values by name and key; `folder` is None where nothing is kept.

    A file that can't be read, is damaged, or is of another version, is as good as none. What was not asked for since
    the last writing stays, up to `MOST_KEPT` entries.
    """

    folder: Path | None = None
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    _formed: dict[tuple[str, str], Any] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def get(self, name: str, key: str, make: Callable[[], Any]) -> Any:
        """Return a value of JSON's types, made if it isn't there; the same for the same name and key for good."""
        if not self.has(name, key):
            self._kept[name][key] = make()
            self._changed.add(name)
        return self._kept[name][key]

    def has(self, name: str, key: str) -> bool:
        """Tell whether a value was made before."""
        if name not in self._kept:
            self._kept[name] = self._read(name)
        return key in self._kept[name]

    def formed(self, name: str, key: str, make: Callable[[], Any], form: Callable[[Any], Formed]) -> Formed:
        """Return a value as `form` has it; a process that stays, forms it once."""
        found: Formed | None = self._formed.get((name, key))
        if found is None:
            if len(self._formed) >= MOST_KEPT:
                self._formed.clear()
            found = self._formed[name, key] = form(self.get(name, key, make))
        return found

    def write(self) -> None:
        """Keep what was made; a folder that can't be written is no failure."""
        for name in sorted(self._changed):
            kept = self._kept[name]
            most = MOST_KEPT if name in OF_FILES else MOST_OF_TREES
            entries = dict(list(kept.items())[-most:])
            if self.folder is not None:
                text = json.dumps(entries, separators=(",", ":"))
                _replace(self.folder / _file(name), f"{_seal(name, text.encode()).decode()}\n{text}")
        self._changed.clear()

    def _read(self, name: str) -> dict[str, Any]:
        if self.folder is None:
            return {}
        try:
            seal, _, text = (self.folder / _file(name)).read_bytes().partition(b"\n")
        except OSError:
            return {}
        # A changed byte must not change a verdict.
        found: dict[str, Any] = json.loads(text) if seal == _seal(name, text) else {}
        return found


def _file(name: str) -> str:
    return f"{name}.cache"


def _seal(name: str, text: bytes) -> bytes:
    """Return what is the same for the same contents of the same file, written by the same code."""
    made_by = f"{FORMAT} {sys.version} {_code_digest()} {name}\n".encode()
    return hashlib.sha256(made_by + text).hexdigest().encode()


@cache
def _code_digest() -> str:
    """Return what changes whenever this package does."""
    folder = Path(__file__).parent
    facts = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*.py"))
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _replace(path: Path, text: str) -> None:
    from optimus_ops.system.atomic_write import atomic_write  # noqa: PLC0415 - for writing alone
    from optimus_ops.system.ignored_folder import make_ignored  # noqa: PLC0415 - as above

    with suppress(OSError):
        make_ignored(path.parent)
        atomic_write(path, text)
