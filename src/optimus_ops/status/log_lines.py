"""The output of containers as lines that are safe for a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from optimus_ops.text.escapes import safe_to_show
from optimus_ops.text.palette import PALETTE

STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a replica, with the engine's time of it (RFC 3339 in UTC, "" if unknown)."""

    replica: str
    stamp: str
    text: str


@dataclass
class Assembler:
    """Makes lines of the pieces that come from the engine, which are cut anywhere.

    The engine puts its time before each piece; a long line comes in several.
    """

    replica: str
    _pending: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> list[LogLine]:
        """Take a piece and return the lines that it completes."""
        if self._pending and (again := STAMP.match(piece)):
            piece = piece[again.end() :]
        self._pending += piece
        *complete, rest = bytes(self._pending).split(b"\n")
        self._pending[:] = rest
        return [self._line(raw) for raw in complete]

    def finish(self) -> list[LogLine]:
        """Return the last line if it has no end."""
        rest = bytes(self._pending)
        self._pending.clear()
        return [self._line(rest)] if rest else []

    def _line(self, raw: bytes) -> LogLine:
        match = STAMP.match(raw)
        stamp, text = (match[1].decode(), raw[match.end() :]) if match else ("", raw)
        return LogLine(self.replica, stamp, text.decode("utf-8", "replace").removesuffix("\r"))


@dataclass
class Prefixer:
    """Puts a replica's name, without that of the project, before each of its lines, in the replica's colour."""

    project: str
    colour: bool
    _colours: dict[str, int] = field(default_factory=dict)
    _width: int = 0

    def add(self, replica: str) -> None:
        """Choose a replica's colour and widen the column of names; unknown replicas are added at their first line."""
        self._colours.setdefault(replica, PALETTE[len(self._colours) % len(PALETTE)])
        self._width = max(self._width, len(self.short(replica)))

    def short(self, replica: str) -> str:
        """Return a replica's name without the project's."""
        return replica.removeprefix(f"{self.project}-")

    def show(self, line: LogLine) -> str:
        """Return the line as it is printed."""
        self.add(line.replica)
        name = f"{self.short(line.replica):<{self._width}} |"
        shown = f"\x1b[{self._colours[line.replica]}m{name}\x1b[0m" if self.colour else name
        return f"{shown} {safe_to_show(line.text, colour=self.colour)}".rstrip(" ")


def in_order(lines: list[LogLine]) -> list[LogLine]:
    """Return lines of several replicas in the order in which they were written."""
    return sorted(lines, key=lambda line: line.stamp)
