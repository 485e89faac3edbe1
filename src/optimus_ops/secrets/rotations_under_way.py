"""Which keys are being rotated: their files must not be replaced meanwhile. Records are those of `rotation`."""

from __future__ import annotations

import json
from pathlib import Path

ROTATIONS = "rotations"
"""Folder of the state folder: for each rotation its record, and both values."""
ENDED = frozenset({"finished", "rolled back"})


def keys_under_rotation(state: Path) -> tuple[str, ...]:
    """Return the keys whose rotation has begun and not ended; of a record that can't be read, its name."""
    return tuple(
        dict.fromkeys(key for path in sorted((state / ROTATIONS).glob("rot-*/record.json")) if (key := _key(path)))
    )


def _key(path: Path) -> str:
    try:
        record = json.loads(path.read_text("utf-8"))
        return "" if record["phase"] in ENDED else str(record["key"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return path.parent.name
