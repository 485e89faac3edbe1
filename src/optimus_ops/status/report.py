"""How `invoke status` looks: a table for a person, a document for a program."""

from __future__ import annotations

from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from optimus_ops.status.model import problem
from optimus_ops.status.stores import Database, RedisServer, Sentinel, Unreachable
from optimus_ops.text.units import age, bar, cores, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from optimus_ops.status.model import Row, StatusSnapshot
    from optimus_ops.status.stores import Store

WIDE = 124
"""Columns from which bars and whole image names have room in the table."""
WIDEST = 172
"""Columns from which stores have room in it as well; below that they have lines of their own."""
IMAGE_COLUMN = 2
GAP = 2


def print_status(sighting: StatusSnapshot, rows: Sequence[Row], stream: TextIO, *, colour: bool, columns: int) -> None:
    """Print the table, then what is not as it should be.

    Args:
        sighting: what was seen.
        rows: the services.
        stream: where to.
        colour: whether colours are welcome.
        columns: width in characters.
    """
    lines = StringIO()
    console = RichConsole(
        file=lines, width=columns, no_color=not colour, force_terminal=colour, highlight=False, emoji=False
    )
    console.print(headline(sighting, rows))
    console.print(table(rows, columns))
    if columns < WIDEST:
        for row in rows:
            for text in stores(row):
                console.print(Text.assemble((f"  {row.service}: ", "dim"), text))
    for line in (*reports(sighting), *remarks(sighting, rows)):
        console.print(line)
    # Rich fills lines up to the table's width; on a pipe that is only noise.
    stream.write("\n".join(line.rstrip() for line in lines.getvalue().splitlines()) + "\n")


def headline(sighting: StatusSnapshot, rows: Sequence[Row]) -> Text:
    """Return the line above the table."""
    ready = sum(row.ready for row in rows if row.kind == "replicas")
    wanted = sum(row.wanted for row in rows if row.kind == "replicas")
    nodes = sorted({replica.node for replica in sighting.state.replicas if replica.node})
    style = "green" if all(row.good for row in rows) else "yellow"
    where = f" on {', '.join(nodes)}" if nodes else ""
    return Text.assemble((sighting.state.project, "bold"), ": ", (f"{ready} of {wanted} replicas ready", style), where)


def table(rows: Sequence[Row], width: int) -> Table:
    """Return the table for a number of columns; where there is no room, it is the image's name that is cut."""
    wide = width >= WIDE
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold dim")
    made.add_column("SERVICE", no_wrap=True)
    made.add_column("READY", no_wrap=True)
    made.add_column("IMAGE", no_wrap=True, overflow="ellipsis")
    made.add_column("AGE", justify="right", no_wrap=True)
    made.add_column("CPU", no_wrap=True, justify="left" if wide else "right")
    made.add_column("MEMORY", no_wrap=True, justify="left" if wide else "right")
    with_stores = width >= WIDEST and any(row.stores for row in rows)
    if with_stores:
        made.add_column("STORE")
    lines = [
        [
            *(Text(row.service), ready(row), image(row, wide=wide), Text(ages(row)), *use(row, wide=wide)),
            *([Text("\n").join(stores(row))] if with_stores else []),
        ]
        for row in rows
    ]
    for line in lines:
        made.add_row(*line)
    made.columns[IMAGE_COLUMN].max_width = _room_for_images(
        lines, [str(column.header) for column in made.columns], width
    )
    return made


def _room_for_images(lines: Sequence[Sequence[Text]], headers: Sequence[str], width: int) -> int:
    others = (
        max([len(header), *(part.cell_len for line in lines for part in line[index].split())]) + GAP
        for index, header in enumerate(headers)
        if index != IMAGE_COLUMN
    )
    return max(width - sum(others) - GAP, len(headers[IMAGE_COLUMN]))


def ready(row: Row) -> Text:
    """Return how many replicas are ready of those wanted, or how a job went."""
    if row.kind == "job":
        if row.ready:
            return Text("done", "green")
        return Text("running", "cyan") if row.ages else Text("failed", "red") if row.problems else Text("-", "dim")
    style = "green" if row.good else ("yellow" if row.ready else "red")
    return Text(f"{row.ready}/{row.wanted}", style)


def image(row: Row, *, wide: bool) -> Text:
    """Return the image's name, the short id of what really runs, and whether that is still the right one."""
    name = row.image if wide else row.image.rpartition("/")[2]
    note = "stale" if row.stale else ("outdated" if row.outdated else "")
    if note and not wide:
        note = "*"
    ids = f" {','.join(identity[:7] for identity in row.image_ids)}" if wide and row.image_ids else ""
    return Text.assemble(*([(f"{note} ", "yellow")] if note else []), name, (ids, "dim"))


def ages(row: Row) -> str:
    """Return the age of a service's replicas: one, or that of the youngest and of the oldest."""
    if row.ages is None:
        return "-"
    youngest, oldest = (age(seconds) for seconds in row.ages)
    return youngest if youngest == oldest else f"{youngest}-{oldest}"


def use(row: Row, *, wide: bool) -> tuple[Text, Text]:
    """Return CPU and memory against their limits."""
    usage = row.usage
    return (
        _share(usage.cpus, usage.limits.cpus, cores, wide=wide),
        _share(usage.memory, usage.limits.memory, size, wide=wide),
    )


def _share(used: float | None, limit: float | None, show: Callable[[float], str], *, wide: bool) -> Text:
    if used is None:
        return Text("-", "dim")
    fraction = used / limit if limit else None
    style = "" if fraction is None else ("red" if fraction >= 0.9 else "yellow" if fraction >= 0.7 else "green")
    text = f"{show(used)}/{show(limit)}" if limit else show(used)
    if not wide:
        return Text(text, style if style != "green" else "")
    return Text.assemble((f"{bar(fraction)} " if fraction is not None else " " * 7, style), text)


def stores(row: Row) -> list[Text]:
    """Return what the service's stores say, a line each."""
    several = len(row.stores) > 1
    return [Text.assemble(f"{name}: " if several else "", store(found)) for name, found in row.stores.items()]


def store(found: Store) -> Text:
    """Return one line about a store."""
    if isinstance(found, Unreachable):
        return Text(f"unreachable: {found.reason}", "red")
    if isinstance(found, Database):
        return Text(f"{found.used} of {found.usable} connections", "yellow" if found.used >= 0.8 * found.usable else "")
    if isinstance(found, Sentinel):
        counts = f"{counted(found.replicas, 'replica')}, {counted(found.sentinels, 'sentinel')}"
        return Text(f"{found.master} {found.status}, {counts}", "" if found.status == "ok" else "red")
    return _redis(found)


def _redis(found: RedisServer) -> Text:
    limit = f" of {size(found.max_memory)}" if found.max_memory else ""
    full = found.max_memory is not None and found.memory >= 0.8 * found.max_memory
    parts = [
        found.role,
        *([counted(found.replicas, "replica")] if found.replicas else []),
        *(["link to its master is down"] if found.link_up is False else []),
        f"{size(found.memory)}{limit}",
        *([found.policy] if found.policy else []),
        counted(found.clients, "client"),
    ]
    return Text(", ".join(parts), "red" if found.link_up is False else "yellow" if full else "")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 client`, `2 clients`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def reports(sighting: StatusSnapshot) -> Iterator[Text]:
    """Give the lines that services say of themselves, those that all of a service's replicas say alike only once."""
    said: dict[tuple[str, str], list[str]] = {}
    for replica in sighting.state.replicas:
        for line in sighting.reports.get(replica.id, ()):
            said.setdefault((replica.service, line), []).append(replica.name)
    for (service, line), names in said.items():
        who = service if len(names) == sum(r.running for r in sighting.state.of(service)) else ", ".join(names)
        warning = line.startswith("!")
        yield Text.assemble(
            f"{'!' if warning else ' '} ", (f"{who}: ", "dim"), (line.removeprefix("!").strip(), "yellow" * warning)
        )


def remarks(sighting: StatusSnapshot, rows: Sequence[Row]) -> list[Text]:
    """Return lines about what is not as it should be, and what to do."""
    lines = [line for row in rows for line in _problems(sighting, row)]
    lines.extend(Text(f"! {one.text}", "yellow") for one in sighting.differences)
    told = {one.service for one in sighting.differences}
    stale = [row.service for row in rows if row.stale and row.service not in told]
    outdated = [row.service for row in rows if row.outdated]
    if stale:
        lines.append(Text(f"* stale: a newer image is built than runs: invoke deploy {' '.join(stale)}", "dim"))
    if outdated:
        lines.append(Text(f"* outdated: sources changed since the build: invoke deploy {' '.join(outdated)}", "dim"))
    lines += [Text(_old_workers(service, count), "dim") for service, count in sighting.old_workers.items()]
    left = [f"{line}: invoke up --remove-orphans" for line in sighting.leftovers.lines]
    return [*lines, *(Text(f"! {note}", "yellow") for note in (*left, *sighting.notes))]


def _old_workers(service: str, count: int) -> str:
    if count == 1:
        return f"* {service}: 1 worker from before a reload still holds connections; it ends with the last of them"
    return f"* {service}: {count} workers from before a reload still hold connections; each ends with its last one"


def _problems(sighting: StatusSnapshot, row: Row) -> Iterator[Text]:
    """Give a line for each replica of a service that is not well, and what it said last if it ended."""
    for replica, usage in row.replicas:
        if text := problem(replica, usage, job=row.kind == "job"):
            yield Text(f"! {text}: invoke logs {row.service}", "yellow")
            yield from (Text(f"    {line}", "dim") for line in sighting.said.get(replica.id, ()))


def status_json(sighting: StatusSnapshot, rows: Sequence[Row]) -> dict[str, object]:
    """Return the document of `invoke status --json`: bytes, cores and seconds as numbers, None for unknown."""
    return {
        "project": sighting.state.project,
        "at": sighting.now.isoformat(timespec="seconds"),
        "running": any(replica.running for replica in sighting.state.replicas),
        "good": all(row.good for row in rows),
        "services": [_row_json(row, sighting) for row in rows],
        "differences": [asdict(one) for one in sighting.differences],
        "leftovers": {
            "orphans": [replica.name for replica in sighting.leftovers.orphans],
            "one_offs": [replica.name for replica in sighting.leftovers.one_offs],
            "networks": list(sighting.leftovers.networks),
            "images": list(sighting.leftovers.images),
        },
        "old_balancer_workers": dict(sighting.old_workers),
        "notes": list(sighting.notes),
    }


def _row_json(row: Row, sighting: StatusSnapshot) -> dict[str, object]:
    return {
        "service": row.service,
        "kind": row.kind,
        "ready": row.ready,
        "wanted": row.wanted,
        "image": row.image,
        "image_ids": list(row.image_ids),
        "stale_replicas": row.stale,
        "outdated": row.outdated,
        "youngest_seconds": row.ages and round(row.ages[0]),
        "oldest_seconds": row.ages and round(row.ages[1]),
        "cpus": _rounded(row.usage.cpus),
        "cpus_limit": row.usage.limits.cpus,
        "memory_bytes": row.usage.memory,
        "memory_limit_bytes": row.usage.limits.memory,
        "stores": {name: {"kind": kind(found), **asdict(found)} for name, found in row.stores.items()},
        "problems": list(row.problems),
        "replicas": [
            {
                "name": replica.name,
                "hostname": replica.hostname,
                "node": replica.node,
                "status": replica.status,
                "health": replica.health,
                "exit_code": replica.exit_code,
                "last_lines": list(sighting.said.get(replica.id, ())),
                "ready": replica.ready,
                "image_id": replica.image_id,
                "cpus": _rounded(usage.cpus),
                "memory_bytes": usage.memory,
                "restarts": usage.limits.restarts,
                "report": list(sighting.reports.get(replica.id, ())),
            }
            for replica, usage in row.replicas
        ],
    }


def kind(found: Store) -> str:
    """Return what a store is, for a document."""
    return {Database: "postgres", RedisServer: "redis", Sentinel: "sentinel", Unreachable: "unreachable"}[type(found)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
