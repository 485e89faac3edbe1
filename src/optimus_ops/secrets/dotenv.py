"""A strict reader and writer of `.env.secrets`.

Only what python-dotenv (without interpolation) and Docker Compose read alike is accepted: `KEY=value`, one a line; bare
words of harmless characters; single quotes for the rest. Nothing is interpolated, executed or guessed, and no message
holds a value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from optimus_ops.errors import Refused
from optimus_ops.secrets.value import Secret

KEY = re.compile(r"[A-Z][A-Z0-9_]*")
ASSIGNMENT = re.compile(r"(?P<key>[^=\s]+)=(?P<value>.*)", re.DOTALL)
BARE = re.compile(r"[^\s#$'\"`]*")
# A backslash before a quote or another backslash is an escape to one reader and two characters to the other.
SINGLE_QUOTED = re.compile(r"'(?P<text>(?:[^'\\]|\\(?![\\']))*)'")
DOUBLE_QUOTED = re.compile(r'"(?P<text>[^"\\$`]*)"')
HARMLESS = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands in the file: a comment or an empty one (`key` is None), or an assignment."""

    text: Secret
    key: str | None = None
    value: Secret | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file whose unchanged lines are written back as they were."""

    lines: tuple[Line, ...] = ()

    @property
    def values(self) -> Mapping[str, Secret]:
        """Return key -> value, in the order of the file."""
        return {line.key: line.value for line in self.lines if line.key is not None and line.value is not None}

    def with_value(self, key: str, value: Secret, comments: tuple[str, ...] = ()) -> Document:
        """Return a document in which `key` has `value`: in its place, or at the end under its comments."""
        made = Line(Secret(f"{key}={quoted(key, value)}"), key, value)
        if key in self.values:
            return replace(self, lines=tuple(made if line.key == key else line for line in self.lines))
        spacer = (comment_line(""),) if self.lines and self.lines[-1].text else ()
        return Document((*self.lines, *spacer, *map(comment_line, comments), made))

    def render(self) -> Secret:
        """Return the file's text."""
        return Secret("".join(f"{line.text.reveal()}\n" for line in self.lines))


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
    # Not splitlines(): it would also break values at U+2028 and other exotic separators.
    for number, raw in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        line = _parse_line(raw, f"{source}, line {number}")
        if line.key is not None:
            if line.key in seen:
                raise Refused(
                    f"{source}, line {number}: {line.key} is defined twice (first in line {seen[line.key]})",
                    "keep the one that is meant and delete the other",
                )
            seen[line.key] = number
        lines.append(line)
    return Document(tuple(lines))


def _parse_line(raw: str, place: str) -> Line:
    text = raw.removesuffix("\r")
    stripped = text.strip(" \t")
    if not stripped or stripped.startswith("#"):
        return Line(Secret(raw))
    key, value = parse_assignment(stripped, place)
    if not KEY.fullmatch(key):
        raise Refused(f"{place}: malformed name", "a name is capital letters, digits and '_', with '=' right after it")
    return Line(Secret(raw), key, value)


def parse_assignment(text: str, place: str) -> tuple[str, Secret]:
    """Split `KEY=value` and take the quotes off; the name is not judged."""
    match = ASSIGNMENT.fullmatch(text)
    if match is None:
        raise Refused(f"{place}: expected KEY=value", "a value is one line; comments stand on lines of their own")
    return match["key"], Secret(_unquoted(match["value"], place))


def _unquoted(written: str, place: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in written):
        raise Refused(f"{place}: the value holds a control character", "remove it, or keep the value as base64")
    for notation in (SINGLE_QUOTED, DOUBLE_QUOTED):
        if match := notation.fullmatch(written):
            return match["text"]
    if BARE.fullmatch(written):
        return written
    raise Refused(
        f"{place}: the value is not plain: programs would read it differently",
        "put a value with spaces, '#', '$' or quotes in single quotes; comments stand on lines of their own",
    )


def quoted(key: str, value: Secret) -> str:
    """Return how a value is written: bare where it is harmless, else in the first quotes that hold it unescaped.

    Raises:
        Refused: no notation holds it so that every reader reads the same.
    """
    text = value.reveal()
    if not text or HARMLESS.fullmatch(text):
        return text
    for written, notation in ((f"'{text}'", SINGLE_QUOTED), (f'"{text}"', DOUBLE_QUOTED), (text, BARE)):
        if notation.fullmatch(written) and not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
            return written
    raise Refused(
        f"{key}: the value mixes quotes, '$' and backslashes so that no notation is read alike by every program",
        "choose another value, or keep it as base64",
    )
