"""The table of `invoke status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from optimus_ops.status.model import Row, StatusSnapshot
from optimus_ops.status.remarks import remarks, service_lines
from optimus_ops.status.store_text import store_texts
from optimus_ops.text.table import GAP, make_table, render
from optimus_ops.text.units import age, bar, cores, size

WIDE = 124
"""Columns from which bars and whole image names have room in the table."""
WIDEST = 172
"""Columns from which stores have room in it as well; below that they have lines of their own."""
IMAGE_COLUMN = 2


def status_text(snapshot: StatusSnapshot, rows: Sequence[Row], *, colour: bool, columns: int) -> str:
    """Return the table, then what is not as it should be."""
    stores = [] if columns >= WIDEST else [(row.service, text) for row in rows for text in store_texts(row)]
    parts: list[RenderableType] = [
        headline(snapshot, rows),
        status_table(rows, columns),
        *(Text.assemble((f"  {service}: ", "dim"), text) for service, text in stores),
        *service_lines(snapshot),
        *remarks(snapshot, rows),
    ]
    return render(parts, colour=colour, columns=columns)


def headline(snapshot: StatusSnapshot, rows: Sequence[Row]) -> Text:
    """Return the line above the table."""
    replicated = [row for row in rows if row.kind == "replicas"]
    count = f"{sum(row.ready for row in replicated)} of {sum(row.wanted for row in replicated)} replicas ready"
    nodes = sorted({replica.node for replica in snapshot.state.replicas if replica.node})
    style = "green" if all(row.good for row in rows) else "yellow"
    where = f" on {', '.join(nodes)}" if nodes else ""
    return Text.assemble((snapshot.state.project, "bold"), ": ", (count, style), where)


def status_table(rows: Sequence[Row], width: int) -> Table:
    """Return the table for a number of columns; where there is no room, it is the image's name that is cut."""
    wide = width >= WIDE
    header = ["SERVICE", "READY", "IMAGE", "AGE", "CPU", "MEMORY"]
    cells = [
        [Text(row.service), _ready(row), _image(row, wide=wide), Text(_ages(row)), *_usage(row, wide=wide)]
        for row in rows
    ]
    if width >= WIDEST and any(row.stores for row in rows):
        header.append("STORE")
        cells = [[*line, Text("\n").join(store_texts(row))] for line, row in zip(cells, rows, strict=True)]
    table = make_table(header, cells, right={"AGE"} if wide else {"AGE", "CPU", "MEMORY"})
    others = (
        max([len(name), *(part.cell_len for line in cells for part in line[index].split())]) + GAP
        for index, name in enumerate(header)
        if index != IMAGE_COLUMN
    )
    table.columns[IMAGE_COLUMN].max_width = max(width - sum(others) - GAP, len(header[IMAGE_COLUMN]))
    return table


def _ready(row: Row) -> Text:
    """Return the replicas that are ready of those wanted, or the result of a job."""
    if row.kind == "job":
        if row.ready:
            return Text("done", "green")
        return Text("running", "cyan") if row.ages else Text("failed", "red") if row.problems else Text("-", "dim")
    return Text(f"{row.ready}/{row.wanted}", "green" if row.good else "yellow" if row.ready else "red")


def _image(row: Row, *, wide: bool) -> Text:
    """Return the image's name, whether it is still the right one, and the short id of what really runs."""
    name = row.image if wide else row.image.rpartition("/")[2]
    note = "stale" if row.stale else "outdated" if row.outdated else ""
    if note:
        note = f"{note} " if wide else "* "
    ids = f" {','.join(identity[:7] for identity in row.image_ids)}" if wide and row.image_ids else ""
    return Text.assemble((note, "yellow"), name, (ids, "dim"))


def _ages(row: Row) -> str:
    """Return the age of a service's replicas: one, or that of the youngest and of the oldest."""
    if row.ages is None:
        return "-"
    youngest, oldest = (age(seconds) for seconds in row.ages)
    return youngest if youngest == oldest else f"{youngest}-{oldest}"


def _usage(row: Row, *, wide: bool) -> tuple[Text, Text]:
    """Return CPU and memory against their limits."""
    usage = row.usage
    return (
        _share(usage.cpus, usage.limits.cpus, cores, wide=wide),
        _share(usage.memory, usage.limits.memory, size, wide=wide),
    )


def _share(used: float | None, limit: float | None, show: Callable[[float], str], *, wide: bool) -> Text:
    if used is None:
        return Text("-", "dim")
    if not limit:
        return Text(f"{' ' * 7 if wide else ''}{show(used)}")
    fraction = used / limit
    style = "red" if fraction >= 0.9 else "yellow" if fraction >= 0.7 else "green"
    text = f"{show(used)}/{show(limit)}"
    if wide:
        return Text.assemble((f"{bar(fraction)} ", style), text)
    return Text(text, "" if style == "green" else style)
