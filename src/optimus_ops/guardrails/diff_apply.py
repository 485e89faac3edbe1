"""Applying a diff of a file to its content, forwards and backwards; exact, without fuzz."""

from __future__ import annotations

from optimus_ops.guardrails.diff import FileDiff, Hunk


def apply(file: FileDiff, old: bytes) -> bytes | None:
    """Return the content after the change; None where the diff isn't of this content."""
    return _applied(old, [(hunk.old_start, hunk.old_count, *_sides(hunk)) for hunk in file.hunks])


def unapply(file: FileDiff, new: bytes) -> bytes | None:
    """Return the content before the change; None where the diff doesn't lead to this content."""
    turned = [(hunk.new_start, hunk.new_count, *reversed(_sides(hunk))) for hunk in file.hunks]
    return _applied(new, turned)  # type: ignore[arg-type]  # two lists of lines


def _sides(hunk: Hunk) -> tuple[list[bytes], list[bytes]]:
    old = [line[1:] for line in hunk.lines if not line.startswith(b"+")]
    new = [line[1:] for line in hunk.lines if not line.startswith(b"-")]
    return old, new


def _applied(content: bytes, hunks: list[tuple[int, int, list[bytes], list[bytes]]]) -> bytes | None:
    lines = content.split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    made: list[bytes] = []
    at = 0
    for start, count, before, after in hunks:
        # A hunk of no lines stands behind the line that it names.
        begin = start - 1 if count else start
        if begin < at or whole[begin : begin + count] != before:
            return None
        made += [*whole[at:begin], *after]
        at = begin + count
    return b"".join([*made, *whole[at:]])
