"""Which words of two texts differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

WORD = re.compile(r"\w+|\s+|[^\w\s]")
LINE = re.compile(r"[^\n]*\n|[^\n]+")
MOST_TOKENS = 1500
"""Of a side: of more, lines are compared in place of words, and more lines than that not at all."""

Kind = Literal["same", "changed"]
Pieces = list[tuple[Kind, str]]


def word_diff(before: str, after: str) -> tuple[Pieces, Pieces]:
    """Return both texts in pieces that are the same on both sides, or not."""
    for pattern in (WORD, LINE):
        left, right = pattern.findall(before), pattern.findall(after)
        head = _common(left, right)
        tail = _common(left[head:][::-1], right[head:][::-1])
        middle = left[head : len(left) - tail], right[head : len(right) - tail]
        if max(map(len, middle)) <= MOST_TOKENS:
            start, end = "".join(left[:head]), "".join(left[len(left) - tail :])
            changed = _matched(*middle)
            return tuple(_joined([("same", start), *side, ("same", end)]) for side in changed)  # type: ignore[return-value]
    return _joined([("changed", before)]), _joined([("changed", after)])


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return with how many tokens both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _matched(left: Sequence[str], right: Sequence[str]) -> tuple[Pieces, Pieces]:
    sides: tuple[Pieces, Pieces] = ([], [])
    for kind, *ranges in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        pieces = "".join(left[ranges[0] : ranges[1]]), "".join(right[ranges[2] : ranges[3]])
        # Signs and white space between changed words are a part of the change: read one by one they say nothing.
        same: Kind = "same" if kind == "equal" and any(map(str.isalnum, pieces[0])) else "changed"
        for side, piece in zip(sides, pieces, strict=True):
            side.append((same, piece))
    return sides


def _joined(pieces: Pieces) -> Pieces:
    """Return pieces without empty ones, and neighbours of one kind as one."""
    found: Pieces = []
    for kind, text in pieces:
        if text and found and found[-1][0] == kind:
            found[-1] = kind, found[-1][1] + text
        elif text:
            found.append((kind, text))
    return found
