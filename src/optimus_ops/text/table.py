"""Tables of text: columns under a header, no lines between them, as every task prints them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from io import StringIO

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import TextType

GAP = 2
WIDEST = 1000


def make_table(
    header: Sequence[str],
    rows: Iterable[Sequence[TextType]],
    *,
    right: Collection[str] = (),
    folded: Collection[str] = (),
    least: int | None = 16,
    show_header: bool = True,
) -> Table:
    """Return a table; a `str` in a cell is plain text, without markup.

    Columns are aligned to the `right` (numbers), `folded` where there is no room, or cut; `least` is the width below
    which a folded one is not squeezed, None for that of its longest word.
    """
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold dim", show_header=show_header)
    for name in header:
        fold = name in folded
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=not fold,
            overflow="fold" if fold else "ellipsis",
            min_width=least if fold and name not in right else None,
        )
    for row in rows:
        table.add_row(*row)
    return table


def least_columns(table: Table) -> int:
    """Return the number of characters that a table needs so that no cell is cut and no word is broken."""
    console = RichConsole(width=WIDEST)
    return sum(GAP + _least_width(column, console) for column in table.columns)


def _least_width(column: Column, console: RichConsole) -> int:
    cells = (Measurement.get(console, console.options, cell) for cell in (column.header, *column.cells))
    return max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)


def render(parts: Iterable[RenderableType], *, colour: bool, columns: int) -> str:
    """Return texts and tables as lines of at most so many characters, without blanks at their ends."""
    stream = StringIO()
    console = RichConsole(
        file=stream,
        width=columns,
        no_color=not colour,
        force_terminal=colour,
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in parts:
        console.print(part)
    # Rich fills lines up to the table's width; on a pipe that is only noise.
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
