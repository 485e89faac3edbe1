"""Folders for what a checkout keeps for itself, and no commit has."""

from __future__ import annotations

from pathlib import Path

from optimus_ops.system.atomic_write import atomic_write

IGNORE = ".gitignore"


def make_ignored(folder: Path) -> None:
    """Make a folder that git ignores with all that is in it, whatever the repository says.

    Raises:
        OSError: it can't be written.
    """
    if not (folder / IGNORE).exists():
        atomic_write(folder / IGNORE, "*\n", 0o644)
