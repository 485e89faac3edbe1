"""How verdicts look: a table for a person, a document for a program."""

from __future__ import annotations

from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from optimus_ops.checks.model import VERDICTS, count_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.checks.model import Check, Verdict
    from optimus_ops.redis.model import Topology

STYLES: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "failed": "red", "not allowed": "cyan"}
"""On a pipe a line is as long as it has to be."""


def table_text(topology: Topology, checks: Sequence[Check], *, colour: bool, columns: int) -> str:
    """Return the table, what to do below what was found, and a sum at the end.

    Args:
        topology: what was looked at.
        checks: the verdicts.
        colour: whether colours are welcome.
        columns: width in characters.
    """
    lines = StringIO()
    console = RichConsole(
        file=lines,
        width=columns,
        no_color=not colour,
        force_terminal=colour,
        highlight=False,
        emoji=False,
        markup=False,
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for header in ("WHERE", "CHECK", "VERDICT"):
        table.add_column(header, no_wrap=True)
    table.add_column("FOUND", overflow="fold")
    subject = ""
    for check in checks:
        first = "" if check.subject == subject else check.subject
        subject = check.subject
        found = Text(check.found)
        if check.hint:
            found.append(f"\n→ {check.hint}", "dim")
        table.add_row(first, check.name, Text(check.verdict, STYLES[check.verdict]), found)
    console.print(Text(headline(topology), "bold"))
    console.print(table)
    console.print(Text(summary(checks)))
    # Rich fills lines up to the table's width; on a pipe that is only noise.
    return "\n".join(line.rstrip() for line in lines.getvalue().splitlines())


def headline(topology: Topology) -> str:
    """Return the line above the table: what there is."""
    return f"{topology.title}: {', '.join(_parts(topology))}"


def _parts(topology: Topology) -> Iterator[str]:
    for server in topology.servers:
        version = f", {server.product} {server.version}" if server.version else ""
        role = server.role or ("silent" if server.unreachable_reason else "role not told")
        yield f"{server.node.name} ({role}{version})"
    count = len(topology.sentinels)
    if count:
        watching = "1 sentinel that watches" if count == 1 else f"{count} sentinels that watch"
        yield f"{watching} {topology.master or 'nothing'}"


def summary(checks: Sequence[Check]) -> str:
    """Return the line below the table."""
    count = count_verdicts(checks)
    return f"{len(checks)} check{'s' * (len(checks) != 1)}: " + ", ".join(
        f"{count[verdict]} {verdict}" for verdict in VERDICTS
    )


def document(topology: Topology, checks: Sequence[Check]) -> dict[str, Any]:
    """Return the document of `--json`."""
    return {
        "ok": not any(check.verdict == "failed" for check in checks),
        "target": topology.title,
        "master": topology.master or None,
        "servers": [
            {
                "name": server.node.name,
                "address": str(server.node.address),
                "purpose": server.node.purpose,
                "role": server.role or None,
                "product": server.product or None,
                "version": server.version or None,
                "answers": not server.unreachable_reason,
            }
            for server in topology.servers
        ],
        "sentinels": [
            {"name": one.node.name, "address": str(one.node.address), "answers": not one.unreachable_reason}
            for one in topology.sentinels
        ],
        "counts": count_verdicts(checks),
        "checks": [asdict(check) for check in checks],
    }
