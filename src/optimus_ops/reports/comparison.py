"""Parts of a report that compare: two texts beside one another, and many entries that a reader looks through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING

from optimus_ops.reports.spans import Content, slug

if TYPE_CHECKING:
    from optimus_ops.reports.model import Block

MOST_LINES = 120
"""Of a difference in Markdown."""


@dataclass(frozen=True, slots=True)
class Diff:
    """Two texts; a page shows them beside one another and marks the words that differ."""

    before: str
    after: str
    names: tuple[str, str] = ("before", "after")

    def summary(self) -> str:
        """Return how many lines differ: "lines: 2 removed, 1 added"."""
        before, after = (text.splitlines() for text in (self.before, self.after))
        lines = list(unified_diff(before, after, lineterm="", n=0))[2:]
        removed, added = (sum(line.startswith(sign) for line in lines) for sign in "-+")
        return f"lines: {removed:,} removed, {added:,} added"

    def unified(self) -> str:
        """Return the lines that differ, in the form of `diff -u`, cut after a number of them."""
        before, after = (text.splitlines() for text in (self.before, self.after))
        lines = list(unified_diff(before, after, *self.names, lineterm=""))
        more = [f"({len(lines) - MOST_LINES:,} more lines)"] if len(lines) > MOST_LINES else []
        return "\n".join([*lines[:MOST_LINES], *more])


@dataclass(frozen=True, slots=True)
class Entry:
    """One of many, such as a case: folded below its title.

    Args:
        name: tells it from the others on the page; `Span(link="##name")` leads to it.
        labels: values by facet, such as `tag: (orders, facts)`.
    """

    name: str
    title: Content
    labels: Mapping[str, tuple[str, ...]]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """Many entries. A page can be searched for them by facet and by text; Markdown and terminal leave them out."""

    noun: str
    entries: tuple[Entry, ...]

    def facets(self) -> dict[str, dict[str, int]]:
        """Return how many entries have a value, by value and facet, in the order in which they first appear."""
        found: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            for facet, values in entry.labels.items():
                counts = found.setdefault(facet, {})
                for value in values:
                    counts[value] = counts.get(value, 0) + 1
        return found

    def anchored(self) -> Sequence[tuple[str, Entry]]:
        """Return the entries with their anchors, which differ even where names look the same."""
        seen: dict[str, int] = {}
        found = []
        for entry in self.entries:
            anchor = slug(entry.name)
            seen[anchor] = seen.get(anchor, 0) + 1
            found.append((anchor if seen[anchor] == 1 else f"{anchor}--{seen[anchor]}", entry))
        return found
