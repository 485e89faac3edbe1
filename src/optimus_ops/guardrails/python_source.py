"""Python files as text and syntax tree, by the encoding that they declare (PEP 263)."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass

MOST_BYTES = 2_000_000
"""Larger files are generated, or meant to keep a judge busy."""


class Unparsable(Exception):  # noqa: N818 - what a file is
    """A file is no Python: why, and at which line."""

    def __init__(self, line: int, reason: str) -> None:
        """Keep both apart."""
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Extent:
    """From where to where something goes: lines from 1, offsets in bytes of UTF-8 from 0, as `ast` has them."""

    line: int
    offset: int
    end_line: int
    end_offset: int


def extent(node: ast.AST) -> Extent:
    """Return the extent of a node."""
    line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    return Extent(line, offset, getattr(node, "end_lineno", line), getattr(node, "end_col_offset", offset))


@dataclass(frozen=True)
class PythonSource:
    """A file that was parsed, and its lines without their ends."""

    tree: ast.Module
    lines: tuple[str, ...]

    def column(self, line: int, offset: int) -> int:
        """Return the column, from 1, of a place that `ast` tells in bytes of UTF-8."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if text.isascii():
            return min(offset, len(text)) + 1
        return len(text.encode("utf-8")[:offset].decode("utf-8", "ignore")) + 1

    def span(self, found: Extent) -> tuple[int, int, int]:
        """Return line, column, and the column behind the end, 0 where that is on another line."""
        end = self.column(found.end_line, found.end_offset) if found.line == found.end_line else 0
        return found.line, self.column(found.line, found.offset), end

    def text(self, found: Extent) -> str:
        """Return the code of an extent, with single blanks for breaks and indents."""
        lines = [line.encode() for line in self.lines[found.line - 1 : found.end_line]]
        lines[-1] = lines[-1][: found.end_offset]
        lines[0] = lines[0][found.offset :]
        return " ".join(b"\n".join(lines).decode("utf-8", "replace").split())


def parse_python(data: bytes) -> PythonSource:
    """Parse a file.

    Raises:
        Unparsable: it isn't Python, not of the encoding that it declares, or nested too deeply.
    """
    try:
        text = decoded(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # What is decoded must not be decoded again by what it declares.
            tree = ast.parse(data)
    except SyntaxError as error:
        raise Unparsable(error.lineno or 0, error.msg) from None
    except (UnicodeDecodeError, LookupError) as error:
        raise Unparsable(1, f"not of the encoding that it declares ({error})") from None
    except ValueError as error:
        raise Unparsable(1, str(error)) from None
    except (RecursionError, MemoryError):
        raise Unparsable(1, "nested too deeply") from None
    return PythonSource(tree, source_lines(text))


def decoded(data: bytes) -> str:
    """Return a file's text."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def source_lines(text: str) -> tuple[str, ...]:
    """Return the lines that Python counts: a form feed or a separator of Unicode ends none."""
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
