"""Append-only files in parts (Redis 7 and newer).

A manifest lists the parts: one base (a snapshot, or commands), then increments, to whose last one the server appends.
Format: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#append-only-file
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from optimus_ops.errors import OpsError

LINE = re.compile(r"file (?P<name>[A-Za-z0-9._-]+) seq (?P<seq>[0-9]+) type (?P<type>[bhi])(?: [a-z]+ [0-9]+)*")
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an append-only file."""

    name: str  # of its file, beside the manifest
    base: bool  # else an increment


def parse_parts(text: str) -> tuple[Part, ...]:
    """Return the parts of a manifest in order, without those that wait for removal; raise `OpsError` if malformed."""
    parts = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise OpsError("the manifest of the append-only file can't be read", "redis-check-aof says more")
        if match["type"] != "h":
            parts.append(Part(match["name"], base=match["type"] == "b"))
    return tuple(parts)


def manifest_of_snapshot(base: str) -> str:
    """Return the manifest of an append-only file that is nothing but a snapshot, the file `base`."""
    return f"file {base} seq 1 type b\n"


def complete_bytes(stream: BinaryIO) -> int:
    """Return how many bytes of an increment are complete commands; what follows was cut while it was being written.

    A transaction counts when its EXEC is there.

    Raises:
        OpsError: the seekable stream is no increment, or is damaged before its end.
    """
    complete = 0
    in_transaction = False
    for name, end in _commands(stream):
        if name == b"MULTI":
            in_transaction = True
        elif name == b"EXEC":
            in_transaction = False
        if not in_transaction:
            complete = end
    return complete


def _commands(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield each complete command's name and end; an annotation (`#TS:…`) has the name "#"."""
    size = stream.seek(0, 2)
    stream.seek(0)
    while (line := _line(stream)) is not None:
        if line.startswith(b"#"):
            yield b"#", stream.tell()
            continue
        name = b""
        for number in range(_number(line, b"*", stream)):
            head = _line(stream)
            if head is None:
                return
            length = _number(head, b"$", stream)
            if stream.tell() + length + 2 > size:
                return
            if number == 0:
                name = stream.read(length).upper()
            else:
                stream.seek(length, 1)
            if stream.read(2) != b"\r\n":
                raise _damaged(stream)
        yield name, stream.tell()


def _line(stream: BinaryIO) -> bytes | None:
    """Return the next line without its end, or None where the file ends before it does."""
    line = stream.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        if len(line) == LONGEST_LINE:
            raise _damaged(stream)
        return None
    if not line.endswith(b"\r\n"):
        raise _damaged(stream)
    return line[:-2]


def _number(line: bytes, sign: bytes, stream: BinaryIO) -> int:
    if not line.startswith(sign) or not line[1:].isdigit() or len(line) > 12:
        raise _damaged(stream)
    return int(line[1:])


def _damaged(stream: BinaryIO) -> OpsError:
    return OpsError(
        f"the append-only file is damaged near byte {stream.tell()}", "redis-check-aof says more; restore a backup"
    )
