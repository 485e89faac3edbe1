"""A report as a value: sections of text, tables, pictures, checks, findings, objectives and measurements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from optimus_ops.checks.model import Check
from optimus_ops.reports.comparison import Diff, Entries, Entry
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.pictures import Chart, Intervals, Timeline
from optimus_ops.reports.place import Place
from optimus_ops.reports.spans import Content

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    content: Content


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short texts."""

    items: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """Lines of a program, shown as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class MarkdownText:
    """Text in Markdown that another program wrote, such as the summary of a step."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `right` names the columns of numbers. A row whose first cell is empty continues the one above it."""

    header: tuple[str, ...]
    rows: tuple[tuple[Content, ...], ...]
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, at a place in a file or in none, by the id of a rule, as `secrets/in-image`."""

    rule: str
    level: Level
    message: str
    place: Place | None = None
    hint: str = ""

    @property
    def advice(self) -> str:
        """Message and hint."""
        return f"{self.message} → {self.hint}" if self.hint else self.message


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a page shows on demand, or at once if they are `unfolded`; Markdown and terminal leave them out."""

    title: str
    blocks: tuple[Block, ...]
    unfolded: bool = False


Item: TypeAlias = Objective | Measurement | Check | Finding
"""What is a row of a table for people, together with its neighbours of the same type, and an object for programs."""
Picture: TypeAlias = Timeline | Chart | Intervals
Block: TypeAlias = Paragraph | Bullets | Output | MarkdownText | Table | Item | Picture | Diff | Details | Entries


@dataclass(frozen=True, slots=True)
class Section:
    """A headline and what is below it; if it is folded, Markdown shows that on demand."""

    title: str
    blocks: tuple[Block, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a task that measures or judges: its result in a sentence or two, and what the figures depend on.

    The command makes the report again; "" where there is none.
    """

    title: str
    headline: Content = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    command: str = ""

    def blocks(self) -> Iterator[Block]:
        """Give all blocks of all sections, those of details included."""
        for section in self.sections:
            yield from _flat(section.blocks)


def _flat(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for block in blocks:
        yield block
        for inner in (block.blocks for block in _folded(block)):
            yield from _flat(inner)


def _folded(block: Block) -> Iterable[Details | Entry]:
    match block:
        case Details():
            return (block,)
        case Entries():
            return block.entries
    return ()
