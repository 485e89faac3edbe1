"""Reports of services: the label `com.optimus.report` names a command whose lines `invoke status` shows.

The command runs inside a running replica. A line that begins with `!` is about something that is not as it should be.
"""

from __future__ import annotations

import shlex

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica

REPORT_LABEL = "com.optimus.report"
MAX_LINES = 20
MAX_CHARACTERS = 200


def read_report(engine: Engine, replica: Replica, seconds: float) -> tuple[str, ...]:
    """Return the output of a replica's command; nothing where it has none, and a line about it where it fails."""
    command = _command(replica.labels.get(REPORT_LABEL, ""))
    if not command or not replica.running or replica.health == "starting":
        return ()
    try:
        done = engine.exec(replica.id, command, seconds=seconds)
    except OpsError:
        return (f"! its report did not come within {seconds:g} s",)
    if done.code:
        return (f"! its report ended with {done.code}",)
    return printable_lines(done.stdout)


def _command(label: str) -> list[str]:
    try:
        return shlex.split(label)
    except ValueError:
        return ["false"]


def printable_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a report, as many and as long as fit on a screen, without control characters."""
    lines = [line for line in text.splitlines() if line.strip()]
    return tuple("".join(c for c in line[:MAX_CHARACTERS] if c.isprintable()) for line in lines[:MAX_LINES])
