r"""How a value is written in a dotenv file, so that Docker Compose and python-dotenv read it alike.

| notation | holds | escapes |
|---|---|---|
| bare | no white space, quotes, `#`, `$` or backquotes | none |
| single quotes | everything but two backslashes in a row | `\'` |
| double quotes | no `$` or backquotes | `\\`, `\"`, `\n`, `\t` |

In single quotes `\\` is two characters to Compose and one to python-dotenv (without interpolation); in double quotes
`\$` is one to Compose and two to python-dotenv. A value that only those could hold is refused. Both programs take a
line end inside quotes as it is.
Sources: https://github.com/compose-spec/compose-go (dotenv), https://github.com/theskumar/python-dotenv (parser).
"""

from __future__ import annotations

import re
import unicodedata

from optimus_ops.errors import Refused
from optimus_ops.secrets.value import Secret

BARE = re.compile(r"[^\s#$'\"`]*")
HARMLESS = re.compile(r"[A-Za-z0-9_.,:/@%+=-]*")
SINGLE_QUOTED = re.compile(r"'(?P<text>(?:[^'\\]|\\'|\\(?![\\']))*)'")
DOUBLE_QUOTED = re.compile(r'"(?P<text>(?:[^"\\$`]|\\["\\nt])*)"')
CLOSED = {
    "'": re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
    '"': re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
}
"""Quote -> from it to the one that closes it."""
ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "t": "\t"}
SWALLOWED = re.compile(r"^[ \t]*[A-Z][A-Z0-9_]*=[^=\s]", re.MULTILINE)
"""A line of a value that looks like the next key: a quote was forgotten above it. Base64 ends in `=`, and may."""


def read_value(written: str, place: str) -> Secret:
    """Return the value that a notation stands for.

    Raises:
        Refused: programs would read it differently, or it holds a control character; the message names the place alone.
    """
    text = written.replace("\r\n", "\n")
    if any(_is_control(character) for character in text):
        raise Refused(f"{place}: the value holds a control character", "remove it, or keep the value as base64")
    if SWALLOWED.search(text):
        raise Refused(
            f"{place}: the quoted value goes on over a line that looks like another key",
            "close the quote; a value that has such lines is kept as base64",
        )
    value = _read(text)
    if value is None:
        raise Refused(
            f"{place}: the value is not plain: programs would read it differently",
            "put a value with spaces, '#', '$' or quotes in single quotes; comments stand on lines of their own",
        )
    return Secret(value)


def write_value(key: str, value: Secret) -> str:
    """Return how a value is written: bare where it is harmless, else in the first notation that holds it.

    Raises:
        Refused: no notation holds it so that every program reads the same; the message names the key alone.
    """
    text = value.reveal()
    if any(_is_control(character) for character in text):
        raise Refused(f"{key}: the value holds a control character", "remove it, or keep the value as base64")
    if SWALLOWED.search(text):
        raise Refused(f"{key}: the value has a line that looks like another key", "keep it as base64")
    for written in _candidates(text):
        if _read(written) == text:
            return written
    raise Refused(
        f"{key}: the value mixes '$' or backquotes with backslashes so that no notation is read alike by every program",
        "choose another value, or keep it as base64",
    )


def _candidates(text: str) -> tuple[str, ...]:
    """Return the notations, those without escapes first."""
    single = text.replace("'", "\\'")
    double = text.replace("\\", "\\\\").replace('"', '\\"')
    plain = (text,) if HARMLESS.fullmatch(text) else ()
    unescaped = tuple(f"{quote}{text}{quote}" for quote in "'\"" if quote not in text)
    return (*plain, *unescaped, text, f"'{single}'", f'"{double}"')


def _read(written: str) -> str | None:
    if match := SINGLE_QUOTED.fullmatch(written):
        return match["text"].replace("\\'", "'")
    if match := DOUBLE_QUOTED.fullmatch(written):
        return ESCAPE.sub(lambda escape: ESCAPED.get(escape[1], escape[1]), match["text"])
    return written if BARE.fullmatch(written) else None


def _is_control(character: str) -> bool:
    """Tell whether a character is a control character, other than a tab or a line end, or no character at all."""
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}
