"""Width of terminals and pipes, and lines broken to fit."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TextIO

PIPE_COLUMNS = 120
"""The width of what is laid out for a pipe or a file, unless COLUMNS says another one."""


def terminal_columns(stream: TextIO) -> int | None:
    """Return the width of a terminal; None for other streams."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def layout_columns(stream: TextIO) -> int:
    """Return the width to lay a table out for: of the terminal, else `COLUMNS`, else that of a pipe."""
    return terminal_columns(stream) or shutil.get_terminal_size((PIPE_COLUMNS, 24)).columns


def wrapped(line: str, columns: int) -> str:
    """Return a line broken between words, what follows indented a little more than its beginning."""
    if len(line) < columns:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(
        line,
        columns - 1,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
