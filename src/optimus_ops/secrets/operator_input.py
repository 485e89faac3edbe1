"""What the operator types or hands over: values from standard input, and answers to questions."""

from __future__ import annotations

import sys

from optimus_ops.errors import Refused
from optimus_ops.secrets.value import Secret

MOST_BYTES = 256 * 1024
YES = frozenset({"y", "yes"})


def at_terminal() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def agrees(answer: str) -> bool:
    """Tell whether an answer is yes; none is no."""
    return answer.strip().lower() in YES


def read_value(name: str, *, one_line: bool = False) -> Secret:
    """Read a value from standard input without the line end behind it: all of it, or the next line.

    Raises:
        Refused: it is closed, too long, or no text; `name` says whose value is wanted.
    """
    if sys.stdin is None:
        raise Refused("standard input is closed", "hand the value over on it, or run it at a terminal")
    source = sys.stdin.buffer
    content = source.readline(MOST_BYTES + 1) if one_line else source.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused(f"{name}: the value is longer than {MOST_BYTES // 1024} KiB", "a secret is no archive")
    try:
        # Whatever the locale says; line ends as they are read back from the file.
        return Secret(content.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n"))
    except UnicodeDecodeError:
        raise Refused(f"{name}: standard input is not UTF-8 text", "keep the value as base64") from None
