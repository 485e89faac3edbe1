"""A place in a file: needed by what reads files, which mostly has no report to make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1, 0 where unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([shown(self.file), *(str(number) for number in (self.line, self.column) if number)])


def shown(name: str) -> str:
    """Return a file's name in one line that deceives nobody: where it has what can't be printed, with escapes."""
    if name.isprintable():
        return name
    escaped = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return f'"{"".join(escaped)}"'
