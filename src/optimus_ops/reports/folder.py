"""Whether a report can be written, asked before anything is changed that it is to tell of."""

from __future__ import annotations

import tempfile
from pathlib import Path

from optimus_ops.errors import Refused


def check_folder(folder: Path) -> None:
    """Make the folder of a report if it is missing.

    Raises:
        Refused: it can't be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            """It can."""
    except OSError as error:
        raise Refused(f"--report {folder}: nothing can be written there ({error.strerror})") from error
