"""Journals of changes: a process leaves them open until its end, and one of tests makes thousands of changes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def close_journals(folder: Path | None = None) -> None:
    """Close the journals of a folder, or all of them."""
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - paths take ten times as long
        with contextlib.suppress(OSError):
            path = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - as above
            if path.startswith(f"{folder}/") if folder else "/journal/.begin-" in path:
                os.close(int(number))
