"""`invoke validate-redis`: every server and sentinel, a verdict per check and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import load_project
from optimus_ops.redis.checks import run_checks
from optimus_ops.redis.discovery import find_deployment
from optimus_ops.redis.report import document, table_text
from optimus_ops.redis.resample import resample
from optimus_ops.redis.target import Flags, parse_flags
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


def validate(flags: Flags, *, json: bool, try_rewrite: bool = False, root: Path | None = None) -> None:
    """Observe, check, print; `try_rewrite` has servers and sentinels rewrite their configuration files.

    Raises:
        OpsError: a check failed, or there is no Redis to check.
        Refused: the flags are malformed, or no sentinel knows the master's name.
        MissingPrerequisite: no engine answers, where a stack is checked.
    """
    deployment = find_deployment(parse_flags(flags), load_project(root))
    with Console.for_stream(sys.stderr).step("looking at Redis") as progress:
        topology = deployment.observe(rewrite=try_rewrite, note=progress.show)
        progress.show("a second look")
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
