"""`invoke validate-redis`: every server and sentinel, a verdict per check and what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from optimus_ops.checks.model import Check, count_verdicts
from optimus_ops.checks.render import check_json, check_table, summary
from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.discovery import find_deployment
from optimus_ops.redis.model import Topology
from optimus_ops.redis.resample import resample
from optimus_ops.redis.target import Flags, parse_flags
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns
from optimus_ops.text.table import render


def validate(flags: Flags, *, json: bool, try_rewrite: bool = False, root: Path | None = None) -> None:
    """Observe, check, print; `try_rewrite` has servers and sentinels rewrite their configuration files.

    Raises:
        OpsError: a check failed, or there is no Redis to check.
        Refused: the flags are malformed, or no sentinel knows the master's name.
        MissingPrerequisite: no engine answers, where a stack is checked.
    """
    deployment = find_deployment(parse_flags(flags), load_project(root))
    with Console.for_stream(sys.stderr).step("observing Redis") as progress:
        topology = deployment.observe(rewrite=try_rewrite, note=progress.show)
        progress.show("second sample")
        topology = resample(topology, deployment.server)
    checks = run_checks(topology)
    if json:
        print_json(document(topology, checks))
    else:
        console = Console.standard()
        console.say(table_text(topology, checks, colour=console.colour, columns=layout_columns(sys.stdout)))
    failed = ", ".join(f"{check.subject} {check.name}" for check in checks if check.verdict == "failed")
    if failed:
        count = sum(check.verdict == "failed" for check in checks)
        raise OpsError(f"{count} of {len(checks)} checks failed: {failed}", "each line above says what to do")


def table_text(topology: Topology, checks: Sequence[Check], *, colour: bool, columns: int) -> str:
    """Return the table, at most so many characters wide, with what to do below what was found and a sum at the end."""
    headline = f"{topology.title}: {', '.join(_parts(topology))}"
    parts = (Text(headline, "bold"), check_table(checks), Text(summary(checks)))
    return render(parts, colour=colour, columns=columns).removesuffix("\n")


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
