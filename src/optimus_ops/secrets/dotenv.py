"""A strict reader and writer of `.env.secrets`.

Only what python-dotenv (without interpolation) and Docker Compose read alike is accepted: `KEY=value`, and in quotes a
value that has white space, quotes, `#` or `$`, or several lines (`notation`). Nothing is interpolated, executed or
guessed, and no message holds a value. Comments, empty lines and the order stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from optimus_ops.errors import Refused
from optimus_ops.secrets.notation import CLOSED, read_value, write_value
from optimus_ops.secrets.value import Secret

KEY = re.compile(r"[A-Z][A-Z0-9_]*")
ASSIGNMENT = re.compile(r"(?P<key>[^=\s]+)=(?P<value>.*)", re.DOTALL)
OPENING = re.compile(r"[ \t]*[^=\s#][^=\s]*=(?P<quote>['\"])")
EXPORT = re.compile(r"export[ \t]")


@dataclass(frozen=True, slots=True)
class Line:
    """A comment or an empty line (`key` is None), or an assignment, as it stands in the file from line `number` on."""

    text: Secret
    key: str | None = None
    value: Secret | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file whose unchanged lines are written back as they were."""

    lines: tuple[Line, ...] = ()

    @property
    def values(self) -> Mapping[str, Secret]:
        """Return key -> value, in the order of the file."""
        return {line.key: line.value for line in self.lines if line.key is not None and line.value is not None}

    @property
    def line_numbers(self) -> Mapping[str, int]:
        """Return key -> the number of its line, counted from 1."""
        return {line.key: line.number for line in self.lines if line.key is not None}

    def with_value(self, key: str, value: Secret, comments: tuple[str, ...] = ()) -> Document:
        """Return a document in which `key` has `value`: in its place, or at the end under its comments."""
        made = Line(Secret(f"{key}={write_value(key, value)}"), key, value)
        if key in self.values:
            return replace(self, lines=tuple(made if line.key == key else line for line in self.lines))
        spacer = (comment_line(""),) if self.lines and self.lines[-1].text else ()
        return Document((*self.lines, *spacer, *map(comment_line, comments), made))

    def without(self, key: str) -> Document:
        """Return a document without a key's line, the comments directly above it and the empty line above these."""
        number = next((number for number, line in enumerate(self.lines) if line.key == key), None)
        if number is None:
            return self
        first = number
        while first and _is_comment(self.lines[first - 1]):
            first -= 1
        first -= bool(first) and not self.lines[first - 1].text
        return Document((*self.lines[:first], *self.lines[number + 1 :]))

    def render(self) -> Secret:
        """Return the file's text."""
        return Secret("".join(f"{line.text.reveal()}\n" for line in self.lines))


def _is_comment(line: Line) -> bool:
    return line.key is None and line.text.reveal().lstrip(" \t").startswith("#")


def comment_line(text: str) -> Line:
    """Return a comment of one line, or an empty line for an empty text."""
    return Line(Secret(f"# {text}" if text else ""))


def parse(text: str, source: str) -> Document:
    """Read a document.

    Raises:
        Refused: a line is malformed or a key is defined twice; the message names the line and never its content.
    """
    lines: list[Line] = []
    seen: dict[str, int] = {}
    for number, raw in _logical_lines(text, source):
        place = f"{source}, line {number}"
        line = replace(_parse_line(raw, place), number=number)
        if line.key is not None:
            if line.key in seen:
                raise Refused(
                    f"{place}: {line.key} is defined twice (first in line {seen[line.key]})",
                    "keep the one that is meant and delete the other",
                )
            seen[line.key] = number
        lines.append(line)
    return Document(tuple(lines))


def _logical_lines(text: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield each line, with all of the value that it begins, and its number."""
    position, number = 0, 1
    # Not splitlines(): it would also break values at U+2028 and other exotic separators.
    while position < len(text):
        end = _line_end(text, position)
        if opening := OPENING.match(text, position, end):
            closed = CLOSED[opening["quote"]].match(text, opening.start("quote"))
            if closed is None:
                raise Refused(
                    f"{source}, line {number}: the quote is not closed", "close it, or quote the value the other way"
                )
            end = _line_end(text, closed.end())
        yield number, text[position:end]
        number += text.count("\n", position, end) + 1
        position = end + 1


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _parse_line(raw: str, place: str) -> Line:
    text = raw.removesuffix("\r")
    stripped = text.strip(" \t")
    if not stripped or stripped.startswith("#"):
        return Line(Secret(raw))
    if EXPORT.match(stripped):
        raise Refused(f"{place}: this is no shell script", "delete `export`: a line is KEY=value")
    key, value = parse_assignment(stripped, place)
    if not KEY.fullmatch(key):
        raise Refused(f"{place}: malformed name", "a name is capital letters, digits and '_', with '=' right after it")
    return Line(Secret(raw), key, value)


def parse_assignment(text: str, place: str) -> tuple[str, Secret]:
    """Split `KEY=value` and take the quotes off; the name is not judged."""
    match = ASSIGNMENT.fullmatch(text)
    if match is None:
        raise Refused(f"{place}: expected KEY=value", "comments stand on lines of their own, a long value in quotes")
    return match["key"], read_value(match["value"], place)
