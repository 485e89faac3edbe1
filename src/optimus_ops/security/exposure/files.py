"""Files on the disk as a scan reads them: in pieces, never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from optimus_ops.security.exposure.matcher import CHUNK, Match, Matcher


def scan_file(path: Path, matcher: Matcher) -> Iterator[tuple[Match, int]]:
    """Give what matches in a file, with lines counted from 1; what is no regular file has no content of its own.

    Raises:
        OSError: it can't be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        yield from scan_stream(stream, matcher)


def scan_stream(stream: IO[bytes], matcher: Matcher) -> Iterator[tuple[Match, int]]:
    """Give what matches in a stream, with lines; 0 in one of more than a piece, whose lines nobody reads."""
    first = stream.read(CHUNK)
    if len(first) < CHUNK:
        yield from ((match, first.count(b"\n", 0, match.start) + 1) for match in matcher.find(first))
    else:
        yield from ((match, 0) for match in matcher.find_in(_chunks(first, stream)))


def _chunks(first: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield first
    while chunk := stream.read(CHUNK):
        yield chunk
