"""Checks, findings, objectives and measurements as rows of tables, the same in every rendering for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias

from optimus_ops.checks.model import Check, Verdict
from optimus_ops.reports.comparison import Diff, Entries
from optimus_ops.reports.measurement import Measurement, Objective, ObjectiveVerdict, format_number
from optimus_ops.reports.model import (
    Block,
    Bullets,
    Details,
    Finding,
    Item,
    Level,
    MarkdownText,
    Output,
    Paragraph,
    Picture,
    Section,
    Table,
)
from optimus_ops.reports.spans import Content, Span, Tone

Visible: TypeAlias = Paragraph | Bullets | Output | MarkdownText | Table | Picture | Diff | Details | Entries

PERCENTILES = (50, 95, 99)
HEADERS: dict[type[Item], tuple[str, ...]] = {
    Objective: ("objective", "target", "measured", "verdict", "basis"),
    Measurement: ("measurement", "value", "samples", *(f"p{percent}" for percent in PERCENTILES), "max"),
    Check: ("where", "check", "verdict", "found", "what to do"),
    Finding: ("level", "place", "message", "rule"),
}
NUMBERS = frozenset({"measured", *HEADERS[Measurement][1:]})
OBJECTIVE_TONES: dict[ObjectiveVerdict, Tone] = {"met": "good", "missed": "bad", "not measured": "soft"}
CHECK_TONES: dict[Verdict, Tone] = {"ok": "good", "warning": "warn", "failed": "bad", "not allowed": "soft"}
LEVEL_TONES: dict[Level, Tone] = {"error": "bad", "warning": "warn", "note": "soft"}


def visible(blocks: Iterable[Block]) -> Iterator[Visible]:
    """Give blocks for people: neighbours that are items of one type become a table."""
    for kind, group in groupby(blocks, type):
        found = tuple(group)
        if kind in HEADERS:
            yield Table(HEADERS[kind], tuple(_row(block) for block in found if isinstance(block, Item)), NUMBERS)
        else:
            yield from (block for block in found if isinstance(block, Visible))


def seen_without_a_page(sections: Iterable[Section]) -> Iterator[Section]:
    """Give the sections of which Markdown and terminal show something, or that have nothing at all."""
    only_on_pages = (Details, Entries)
    for section in sections:
        if not section.blocks or not all(isinstance(block, only_on_pages) for block in section.blocks):
            yield section


def _row(item: Item) -> tuple[Content, ...]:
    match item:
        case Objective():
            verdict = Span(item.verdict, OBJECTIVE_TONES[item.verdict])
            return item.name, item.target, item.measured_text, verdict, item.basis
        case Measurement():
            figures = (item.value, *map(item.percentile, PERCENTILES), max(item.samples, default=None))
            value, *others = ("-" if figure is None else format_number(figure, item.unit) for figure in figures)
            return item.name, value, f"{len(item.samples):,}", *others
        case Check():
            return item.subject, item.name, Span(item.verdict, CHECK_TONES[item.verdict]), item.found, item.hint
        case Finding():
            place = Span(str(item.place), code=True) if item.place else ""
            return Span(item.level, LEVEL_TONES[item.level]), place, item.advice, item.rule
