"""Whether the engine's disk has room: a database that meets a full disk half-way is worse than a refusal before."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from optimus_ops.errors import MachineLacks

if TYPE_CHECKING:
    from collections.abc import Callable

# One fresh PostgreSQL volume takes 40 MB, logs up to 30 MB per container, an unpacked image layer some 100 MB.
LEAST_FREE_BYTES = 512 * 1024**2


def check_disk(root: str, free_bytes: Callable[[str], int] | None = None) -> None:
    """Refuse to start anything where the engine's disk is nearly full.

    Args:
        root: the engine's data folder; an engine on another host has none here, and isn't checked.
        free_bytes: tells the free bytes at a path; the file system is asked if not given.

    Raises:
        MachineLacks: less than `LEAST_FREE_BYTES` are free.
    """
    try:
        free = (free_bytes or _free_bytes)(root)
    except OSError:
        return
    if free < LEAST_FREE_BYTES:
        megabytes = f"{free / 1024**2:.0f} MB"
        raise MachineLacks(f"only {megabytes} are free in {root}", "make room with: docker system prune")


def _free_bytes(path: str) -> int:
    return shutil.disk_usage(path).free
