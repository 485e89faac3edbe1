"""Figures of committed benchmark reports that a change changed: the tables of their Markdown, before and now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from optimus_ops.ci.git_changes import changed_below, file_at
from optimus_ops.reports.model import Table

CELLS = re.compile(r"(?<!\\)\|")
Rows = dict[tuple[str, ...], dict[str, str]]


def changed_tables(root: Path, base: str, folder: str) -> Iterator[tuple[str, Table]]:
    """Give the name of each report that differs from the base's, and its cells that do; a new report has no base."""
    for name in changed_below(root, base, folder):
        before = file_at(root, base, name)
        path = root / name
        if not name.endswith(".md") or before is None or not path.is_file():
            continue
        rows = tuple(_differences(table_rows(before), table_rows(path.read_text("utf-8", "replace"))))
        if rows:
            yield Path(name).stem, Table(("of", "figure", "before", "now"), rows, frozenset({"before", "now"}))


def table_rows(text: str) -> Rows:
    """Return the rows of a document's tables: (headline, first cell) -> column -> cell."""
    found: Rows = {}
    title, header = "", None
    for line in text.splitlines():
        if line.startswith("#"):
            title, header = line.lstrip("# "), None
        elif not line.startswith("|"):
            header = None
        else:
            cells = [cell.strip() for cell in CELLS.split(line.strip().strip("|"))]
            if header is None:
                header = cells
            elif set("".join(cells)) - set("-: "):
                found.setdefault((title, cells[0]), {}).update(zip(header[1:], cells[1:], strict=False))
    return found


def _differences(before: Rows, now: Rows) -> Iterator[tuple[str, ...]]:
    for (title, name), cells in now.items():
        was = before.get((title, name), {})
        for column, cell in cells.items():
            if column in was and was[column] != cell:
                yield f"{title}: {name}", column, was[column], cell
