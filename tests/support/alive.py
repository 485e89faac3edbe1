"""Whether a process runs."""

from __future__ import annotations

from pathlib import Path


def alive(number: int) -> bool:
    """Tell whether a process runs; one that ended and that nobody has waited for doesn't."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
