"""Numbers as a person reads them."""

from __future__ import annotations

import math

KIBI = 1024
BAR_CELLS = 6


def size(count: float) -> str:
    """Return bytes as in Compose files: 384M, 1.5G (powers of 1024)."""
    value, unit = float(count), "B"
    for larger in "KMGTP":
        # 999.5 and more would be rounded to four digits.
        if value < 999.5:
            break
        value, unit = value / KIBI, larger
    digits = 1 if value < 9.95 and unit != "B" else 0
    return f"{value:.{digits}f}".removesuffix(".0") + unit


def cores(count: float) -> str:
    """Return a number of cores: 0.31, 1.5, 12."""
    return f"{count:.2f}".removesuffix("0").removesuffix(".0") if count < 10 else f"{count:.0f}"


def age(seconds: float) -> str:
    """Return a duration in its largest unit: 42s, 12m, 5h, 3d."""
    whole = max(int(seconds), 0)
    for limit, divisor, unit in ((60, 1, "s"), (3600, 60, "m"), (48 * 3600, 3600, "h")):
        if whole < limit:
            return f"{whole // divisor}{unit}"
    return f"{whole // 86400}d"


def bar(fraction: float, cells: int = BAR_CELLS) -> str:
    """Return a bar of a fixed width; what is used at all shows, and only what is full looks full."""
    clamped = min(max(fraction, 0.0), 1.0)
    filled = cells if clamped >= 1.0 else min(math.ceil(clamped * cells), cells - 1) if clamped > 0.01 else 0
    return "▰" * filled + "▱" * (cells - filled)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 client`, `2 clients`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
