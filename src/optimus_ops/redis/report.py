"""Verdicts on Redis: a table for people, a document for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from optimus_ops.checks.model import Check, count_verdicts
from optimus_ops.checks.render import check_json, check_table, summary
from optimus_ops.redis.model import Topology
from optimus_ops.text.table import render


def table_text(topology: Topology, checks: Sequence[Check], *, colour: bool, columns: int) -> str:
    """Return the table, at most so many characters wide, with what to do below what was found and a sum at the end."""
    parts = (Text(headline(topology), "bold"), check_table(checks), Text(summary(checks)))
    return render(parts, colour=colour, columns=columns).removesuffix("\n")


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
            {"name": item.node.name, "address": str(item.node.address), "answers": not item.unreachable_reason}
            for item in topology.sentinels
        ],
        "counts": count_verdicts(checks),
        "checks": [check_json(check) for check in checks],
    }
