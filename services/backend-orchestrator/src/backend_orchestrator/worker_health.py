"""The worker's HEALTHCHECK: whether its heartbeat file was touched lately. Imports next to nothing: it runs often."""

import sys
import time
from pathlib import Path

STALE_SECONDS = 30.0


def alive(path: Path, now: float, stale: float = STALE_SECONDS) -> bool:
    """Whether `path` was touched less than `stale` seconds before `now` (seconds since the epoch)."""
    try:
        return now - path.stat().st_mtime < stale
    except OSError:
        return False


def check(path: Path) -> int:
    """The exit code of the health check."""
    if alive(path, time.time()):
        return 0
    print(f"the worker has not reached its queue for {STALE_SECONDS:.0f} s", file=sys.stderr)
    return 1
