"""The block of `compose/.env` that belongs to `images.bases`; every other line is the operator's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN = "# >>> stand-in images, written by `invoke images.bases` >>>"
END = "# <<< stand-in images <<<"


def read_block(text: str) -> dict[str, str]:
    """Return the variables between the marker lines."""
    inside = _inside(text.splitlines())
    return {name: value for name, separator, value in (line.partition("=") for line in inside) if separator}


def replace_block(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with the block saying `variables` and nothing else changed; without variables there is no block.

    A block keeps its place; a new one goes to the end. A begin marker without an end marker owns only its own line.
    """
    lines = text.splitlines(keepends=True)
    block = [BEGIN, *(f"{name}={value}" for name, value in sorted(variables.items())), END] if variables else []
    rendered = "".join(f"{line}\n" for line in block)
    span = _span([line.rstrip("\n") for line in lines])
    if span is not None:
        before, after = "".join(lines[: span[0]]), "".join(lines[span[1] :])
        return before + rendered + after
    ending = "" if not text or text.endswith("\n") or not rendered else "\n"
    return text + ending + rendered


def write_block(path: Path, variables: Mapping[str, str]) -> bool:
    """Bring a file's block up to date, atomically and keeping the file's mode; False if it was already.

    Raises:
        OSError: the file can't be written.
    """
    text = path.read_text("utf-8") if path.exists() else ""
    wanted = replace_block(text, variables)
    if wanted == text:
        return False
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(wanted)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def _span(lines: list[str]) -> tuple[int, int] | None:
    """Return the first line of the block and the line after its last."""
    if BEGIN not in lines:
        return None
    start = lines.index(BEGIN)
    rest = lines[start + 1 :]
    return (start, start + 2 + rest.index(END)) if END in rest else (start, start + 1)


def _inside(lines: list[str]) -> list[str]:
    span = _span(lines)
    return [] if span is None else lines[span[0] + 1 : span[1] - 1]
