"""All objects of a store, reachable or not, loose or packed, also those of alternates: what matches in them.

`git log -S` and every walk from refs miss what no ref leads to; `cat-file --batch-all-objects` reads the store itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from optimus_ops.security.exposure.git_repository import GitRepository
from optimus_ops.security.exposure.matcher import CHUNK, Match, Matcher
from optimus_ops.security.model import CouldNotRun


@dataclass(frozen=True, slots=True)
class ObjectMatch:
    """A match in an object, `line` counted from 1 (0 where it isn't known)."""

    object: str
    type: str
    match: Match
    line: int


@dataclass
class StoreScan:
    """What was found in a store, and what was read for it."""

    matches: list[ObjectMatch] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0


def scan_store(repository: GitRepository, matcher: Matcher) -> StoreScan:
    """Read every object of a repository once.

    Raises:
        CouldNotRun: the store is damaged.
    """
    scan = StoreScan()
    options = ("--batch-all-objects", "--batch", "--buffer", "--unordered")
    with repository.stream("cat-file", *options) as stream:
        while header := stream.readline():
            name, kind, size = _header(header)
            scan.objects, scan.bytes = scan.objects + 1, scan.bytes + size
            if kind == "commit":
                scan.commits.append(name)
            scan.matches += _matches(matcher, stream, name, kind, size)
            stream.read(1)
    return scan


def _header(line: bytes) -> tuple[str, str, int]:
    words = line.decode("ascii", "replace").split()
    if len(words) != 3:
        raise CouldNotRun("an object of git's store can't be read", "git fsck --full")
    return words[0], words[1], int(words[2])


def _matches(matcher: Matcher, stream: IO[bytes], name: str, kind: str, size: int) -> Iterator[ObjectMatch]:
    if size <= CHUNK:
        content = stream.read(size)
        for match in matcher.find(content):
            line = content.count(b"\n", 0, match.start) + 1 if kind != "tree" else 0
            yield ObjectMatch(name, kind, match, line)
        return
    for match in matcher.find_in(_pieces(stream, size)):
        yield ObjectMatch(name, kind, match, 0)


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = stream.read(min(size, CHUNK))
        if not piece:
            raise CouldNotRun("an object of git's store ends too early", "git fsck --full")
        size -= len(piece)
        yield piece
