"""Files to be judged: paths, what tells their contents apart, and how to read them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A file: `key` is the same for the same content, as git's id of a blob is."""

    key: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Snapshot:
    """The regular files of a repository at a time, by their paths.

    Args:
        others: the paths of its links and submodules.
        untracked: the paths, of whatever is there, that git doesn't know yet and doesn't ignore.
    """

    files: Mapping[str, SourceFile]
    others: frozenset[str] = frozenset()
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What a change did, as far as rules ask.

    Args:
        base: the files that changed, as they were: path before -> file.
        renamed: path before -> path after.
        added: path after -> numbers of its added lines.
        unknown: path -> why its content is not at hand.
    """

    base: Mapping[str, SourceFile]
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, frozenset[int]] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def paths(self) -> frozenset[str]:
        """All paths that changed, both names of a renamed file."""
        return frozenset({*self.base, *self.renamed.values(), *self.added, *self.deleted, *self.unknown})


def blob_key(data: bytes) -> str:
    """Return git's id of a content (SHA-1 repositories)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def in_memory(texts: Mapping[str, str | bytes]) -> Snapshot:
    """Return a snapshot of texts."""
    files: dict[str, SourceFile] = {}
    for path, text in texts.items():
        data = text.encode() if isinstance(text, str) else text
        files[path] = SourceFile(blob_key(data), lambda data=data: data)  # type: ignore[misc]  # bound now
    return Snapshot(files)
