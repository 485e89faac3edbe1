"""A report as text for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from optimus_ops.reports.comparison import Diff
from optimus_ops.reports.model import Bullets, MarkdownText, Output, Paragraph, Run, Table
from optimus_ops.reports.spans import Content, spans
from optimus_ops.reports.tables import Visible, seen_without_a_page, visible
from optimus_ops.text.console import Console
from optimus_ops.text.escapes import safe_to_show
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import make_table, render

STYLES = {"plain": "", "good": "green", "warn": "yellow", "bad": "red", "soft": "dim"}
PROSE = frozenset({"PLACE", "MESSAGE", "RULE", "FOUND", "WHAT TO DO", "REASON"})
"""Columns that are folded where there is no room; a last column always is."""


def print_run(run: Run, console: Console) -> None:
    """Print the report as wide as the terminal, or as a pipe gets it."""
    console.stream.write(terminal_text(run, colour=console.colour, columns=layout_columns(console.stream)))


def terminal_text(run: Run, *, colour: bool, columns: int) -> str:
    """Return the report in lines of at most `columns` characters; pictures and `Details` are left out."""
    return render(_parts(run), colour=colour, columns=columns)


def _parts(run: Run) -> Iterator[RenderableType]:
    yield Text(safe_to_show(run.title), "bold")
    if run.headline:
        yield text(run.headline)
    if run.facts:
        yield text(", ".join(f"{name} {value}" for name, value in run.facts.items()))
    for section in seen_without_a_page(run.sections):
        yield ""
        yield Text(safe_to_show(section.title), "bold")
        for block in visible(section.blocks):
            yield from _block(block)


def _block(block: Visible) -> Iterator[RenderableType]:
    match block:
        case Paragraph(content):
            yield text(content)
        case Bullets(items):
            yield from (Text("  ") + text(item) for item in items)
        case Output(lines) | MarkdownText(lines):
            yield from (Text(f"  {safe_to_show(line)}") for line in lines.splitlines())
        case Diff():
            yield from (Text(f"  {safe_to_show(line)}") for line in block.unified().splitlines())
        case Table(header, rows, right):
            names = [safe_to_show(name).upper() for name in header]
            cells = ([text(cell) for cell in row] for row in rows)
            numbers = {names[header.index(name)] for name in right if name in header}
            yield make_table(names, cells, right=numbers, folded={*names[-1:], *PROSE.intersection(names)})


def text(content: Content) -> Text:
    """Return a text with its colours."""
    return Text.assemble(*((safe_to_show(span.text), STYLES[span.tone]) for span in spans(content)))
