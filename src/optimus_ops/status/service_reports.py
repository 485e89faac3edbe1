"""What services say of themselves: the label `com.optimus.report` names a command whose lines `invoke status` shows.

The command runs inside a running replica. A line that begins with `!` is about something that is not as it should be.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError

if TYPE_CHECKING:
    from optimus_ops.engine.port import Engine
    from optimus_ops.model.state import Replica

REPORT_LABEL = "com.optimus.report"
MAX_LINES = 20
MAX_CHARACTERS = 200


def ask_report(engine: Engine, replica: Replica, deadline: float) -> tuple[str, ...]:
    """Return what a replica's command prints; nothing where it has none, and a line that says so where it fails."""
    command = _command(replica.labels.get(REPORT_LABEL, ""))
    if not command or not replica.running or replica.health == "starting":
        return ()
    try:
        asked = engine.exec(replica.id, command, seconds=deadline)
    except OpsError:
        return (f"! its report did not come within {deadline:g} s",)
    if asked.code:
        return (f"! its report ended with {asked.code}",)
    return shown_lines(asked.stdout)


def _command(label: str) -> list[str]:
    try:
        return shlex.split(label)
    except ValueError:
        return ["false"]


def shown_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a report, as many and as long as a screen bears, without what a terminal would obey."""
    lines = [line for line in text.splitlines() if line.strip()]
    return tuple("".join(c for c in line[:MAX_CHARACTERS] if c.isprintable()) for line in lines[:MAX_LINES])
