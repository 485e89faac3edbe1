"""The block of `compose/.env` that belongs to `images.bases`; every other line is the operator's."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from optimus_ops.system.atomic_write import atomic_write

BEGIN = "# >>> fallback images, written by `invoke images.bases` >>>"
END = "# <<< fallback images <<<"
FORMER = {
    "# >>> stand-in images, written by `invoke images.bases` >>>": BEGIN,
    "# <<< stand-in images <<<": END,
}
"""Markers that earlier versions wrote -> those in their place."""


def read_block(text: str) -> dict[str, str]:
    """Return the variables between the marker lines."""
    lines = text.splitlines()
    inside = [line for start, end in _spans(lines) for line in lines[start + 1 : end - 1]]
    return {name: value for name, separator, value in (line.partition("=") for line in inside) if separator}


def replace_block(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with the block saying `variables` and nothing else changed; without variables there is no block.

    A block keeps its place; a new one goes to the end. Of several blocks one remains. A begin marker without an end
    marker owns only its own line.
    """
    lines = text.splitlines(keepends=True)
    spans = _spans(text.splitlines())
    block = [BEGIN, *(f"{name}={value}" for name, value in sorted(variables.items())), END] if variables else []
    owned = {number for start, end in spans for number in range(start, end)}
    place = spans[0][0] if spans else len(lines)
    before = "".join(line for number, line in enumerate(lines[:place]) if number not in owned)
    after = "".join(line for number, line in enumerate(lines[place:], place) if number not in owned)
    ending = "" if not before or before.endswith("\n") or not block else "\n"
    return before + ending + "".join(f"{line}\n" for line in block) + after


def read_text(path: Path) -> str:
    """Return a file's text, line ends and bytes that are no UTF-8 included; "" if there is no file."""
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""


def write_block(path: Path, variables: Mapping[str, str]) -> bool:
    """Bring a file's block up to date, atomically and keeping the file's mode; False if it was already."""
    text = read_text(path)
    wanted = replace_block(text, variables)
    if wanted == text:
        return False
    atomic_write(path, wanted, path.stat().st_mode & 0o777 if path.exists() else 0o644)
    return True


def _spans(lines: list[str]) -> list[tuple[int, int]]:
    """Return for each block its first line and the line after its last."""
    marks = {number: FORMER.get(line, line) for number, line in enumerate(lines) if line in {BEGIN, END, *FORMER}}
    following = dict(pairwise(marks))
    return [
        (start, following[start] + 1 if marks.get(following.get(start, -1)) == END else start + 1)
        for start, mark in marks.items()
        if mark == BEGIN
    ]
