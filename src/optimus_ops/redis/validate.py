"""`invoke validate-redis`: every server and sentinel, a verdict per check and what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.discovery import find_deployment
from optimus_ops.redis.report import document, table_text
from optimus_ops.redis.resample import resample
from optimus_ops.redis.target import parse_flags
from optimus_ops.text.console import Console, layout_columns, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from optimus_ops.checks.model import Check
    from optimus_ops.redis.target import Flags


def validate(flags: Flags, *, json: bool, try_rewrite: bool = False, root: Path | None = None) -> None:
    """Look, judge, print.

    Args:
        flags: what to look at.
        json: whether to print one JSON document.
        try_rewrite: whether servers and sentinels are told to rewrite their configuration files.
        root: the checkout; the current folder if not given.

    Raises:
        OpsError: a check failed, or there is no Redis to look at.
        Refused: the flags are malformed, or no sentinel knows the master's name.
        MachineLacks: no engine answers, where a stack is looked at.
    """
    place = find_deployment(parse_flags(flags), load_project(root))
    with Console.for_stream(sys.stderr).step("looking at Redis") as progress:

        def note(text: str) -> None:
            progress.show(text)

        topology = place.observe(rewrite=try_rewrite, note=note)
        note("a second look")
        topology = resample(topology, place.server)
    checks = run_checks(topology)
    if json:
        print_json(document(topology, checks))
    else:
        console = Console.standard()
        columns = layout_columns(sys.stdout)
        console.say(table_text(topology, checks, colour=console.colour, columns=columns))
    refuse_failed(checks)


def refuse_failed(checks: tuple[Check, ...]) -> None:
    """Raise `OpsError` if a check failed."""
    failed = [check for check in checks if check.verdict == "failed"]
    if failed:
        names = ", ".join(f"{check.subject} {check.name}" for check in failed)
        raise OpsError(f"{len(failed)} of {len(checks)} checks failed: {names}", "each line above says what to do")
