"""Free space of the engine's disk: a database whose disk fills up half-way is worse than a refusal before."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from optimus_ops.errors import MissingPrerequisite

# One fresh PostgreSQL volume takes 40 MB, logs up to 30 MB per container, an unpacked image layer some 100 MB.
LEAST_FREE_BYTES = 512 * 1024**2


def free_bytes(path: str) -> int:
    """Return the free bytes of the file system that a path is on."""
    return shutil.disk_usage(path).free


def check_disk(root: str, free: Callable[[str], int] = free_bytes) -> None:
    """Refuse to start anything where the engine's data folder is on a nearly full disk.

    An engine on another host has no such folder here, and isn't checked.
    """
    try:
        left = free(root)
    except OSError:
        return
    if left < LEAST_FREE_BYTES:
        raise MissingPrerequisite(
            f"only {left / 1024**2:.0f} MB are free in {root}", "make room with: docker system prune"
        )
