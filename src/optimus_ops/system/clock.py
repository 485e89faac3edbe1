"""Time that no setting of the clock changes: seconds since the machine started, and which start that was."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_seconds() -> float:
    """Return the seconds since the machine started, those that it slept included; the same for all processes.

    `CLOCK_BOOTTIME`, see clock_gettime(2). Only comparable where `boot_id` is the same.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return the id that the kernel made as the machine started; "" if it tells none."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def iso_now() -> str:
    """Return the clock's time in UTC, to be read by people: nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
