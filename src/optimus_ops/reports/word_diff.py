"""Which words of two texts differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from typing import Literal

WORD = re.compile(r"(?:\w+|[^\w\s])\s*|\s+")
LINE = re.compile(r"[^\n]*\n|[^\n]+")
MOST_EDITS = 160
"""Words that are left out or put in: of more, lines are compared in place of words; and more of lines not at all."""

Kind = Literal["same", "changed"]
Pieces = list[tuple[Kind, str]]


def word_diff(before: str, after: str) -> tuple[Pieces, Pieces]:
    """Return both texts in pieces that are the same on both sides, or not."""
    for pattern in (WORD, LINE):
        left, right = pattern.findall(before), pattern.findall(after)
        start = _common(left, right)
        end = _common(left[start:][::-1], right[start:][::-1])
        same = _matched(left[start : len(left) - end], right[start : len(right) - end])
        if same is not None:
            kept = [(x + start, y + start) for x, y in _with_words(same, left[start:])]
            ours, theirs = (
                {*range(start), *(pair[side] for pair in kept), *range(len(tokens) - end, len(tokens))}
                for side, tokens in enumerate((left, right))
            )
            return _pieces(left, ours), _pieces(right, theirs)
    return _joined([("changed", before)]), _joined([("changed", after)])


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Return with how many tokens both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _matched(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]] | None:
    """Return the places of tokens that are the same, for the fewest edits; None where these are too many.

    Myers, An O(ND) Difference Algorithm and Its Variations, 1986: its time is that of the edits squared, whatever the
    texts are. A model that repeats itself would take difflib minutes.
    """
    furthest = [0] * (2 * MOST_EDITS + 3)
    trace = []
    for edits in range(MOST_EDITS + 1):
        trace.append(furthest[:])
        for diagonal in range(-edits, edits + 1, 2):
            x = _entered(furthest, diagonal, edits)
            y = x - diagonal
            while x < len(left) and y < len(right) and left[x] == right[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x >= len(left) and y >= len(right):
                return _walked_back(trace, x, y)
    return None


def _with_words(pairs: Sequence[tuple[int, int]], tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Give the pairs of those runs that have a word: signs between changed words are a part of the change."""
    runs = groupby(enumerate(pairs), lambda each: (each[1][0] - each[0], each[1][1] - each[0]))
    for run in ([pair for _, pair in found] for _, found in runs):
        if any(map(str.isalnum, "".join(tokens[x] for x, _ in run))):
            yield from run


def _entered(furthest: Sequence[int], diagonal: int, edits: int) -> int:
    """Return where a diagonal is entered: by a token of the right from the one above, else by one of the left."""
    return furthest[diagonal + 1] if _is_above(furthest, diagonal, edits) else furthest[diagonal - 1] + 1


def _is_above(furthest: Sequence[int], diagonal: int, edits: int) -> bool:
    return diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])


def _walked_back(trace: Sequence[Sequence[int]], x: int, y: int) -> list[tuple[int, int]]:
    found = []
    for edits in range(len(trace) - 1, -1, -1):
        diagonal = x - y
        entered = _entered(trace[edits], diagonal, edits)
        while x > entered and y > 0:
            x, y = x - 1, y - 1
            found.append((x, y))
        # One step before: down from the diagonal above, or to the right from the one below.
        x, y = (x, y - 1) if _is_above(trace[edits], diagonal, edits) else (x - 1, y)
    return found[::-1]


def _pieces(tokens: Sequence[str], same: set[int]) -> Pieces:
    return _joined([("same" if place in same else "changed", token) for place, token in enumerate(tokens)])


def _joined(pieces: Pieces) -> Pieces:
    """Return pieces without empty ones, and neighbours of one kind as one."""
    found: Pieces = []
    for kind, text in pieces:
        if text and found and found[-1][0] == kind:
            found[-1] = kind, found[-1][1] + text
        elif text:
            found.append((kind, text))
    return found
