"""Failed builds: one message with the cause, observed where it is a usual one, else the end of the log."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.system.process import CommandFailed

FULL_BYTES = 100 * 1024 * 1024
SHOWN_LINES = 12


@contextmanager
def explained(what: str, log: Path, engine: Engine) -> Iterator[None]:
    """Turn the failure of a command that makes something into one message with its cause.

    The log holds everything that the command printed.
    """
    try:
        yield
    except CommandFailed as failed:
        raise _cause(what, failed, log, engine) from failed
    except OSError as error:
        raise OpsError(f"making {what} failed: {error.strerror or error}", f"full log: {log}") from error


def _cause(what: str, failed: CommandFailed, log: Path, engine: Engine) -> OpsError:
    if not engine.answers():
        return MissingPrerequisite(
            f"the Docker engine stopped answering while {what} was made",
            "start it: python3 scripts/bootstrap.py --with-docker invoke doctor",
        )
    output = failed.completed.stderr or failed.completed.stdout
    if os.strerror(errno.ENOSPC) in output or _is_full(engine.root):
        # The kernel's own words are the evidence: what failed has given its space back by now.
        return OpsError(
            f"making {what} failed: no space is left on the disk of {engine.root} or {tempfile.gettempdir()}",
            "make room, for example: docker system prune",
        )
    shown = "\n    ".join(essence(output))
    return OpsError(f"making {what} failed:\n    {shown}", f"full log: {log}")


def essence(output: str) -> tuple[str, ...]:
    """Return the last telling lines of a log: without BuildKit's step numbers, echoed Dockerfile lines and blanks."""
    lines = [re.sub(r"^#\d+ (?:\d+\.\d+ )?", "", line).rstrip() for line in output.splitlines()]
    telling = [line for line in lines if line and not re.match(r"\s*\d+ \| |-{4,}|>>> |Dockerfile:\d+|CANCELED$", line)]
    return tuple(dict.fromkeys(telling[-3 * SHOWN_LINES :]))[-SHOWN_LINES:]


def _is_full(root: str) -> bool:
    try:
        return shutil.disk_usage(root).free < FULL_BYTES
    except OSError:
        # An engine on another host.
        return False
