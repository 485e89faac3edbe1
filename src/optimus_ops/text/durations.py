"""Durations as they are written: in Compose files, and by people."""

from __future__ import annotations

import re

from optimus_ops.errors import Refused

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(h|m|s|ms|us)(?![a-z])")
BARE = re.compile(r"\d+(\.\d+)?")


def compose_duration(text: str) -> float:
    """Return the seconds of a Compose duration such as `1m20s`, `80s` or `500ms`.

    Raises:
        Refused: it is none.
    """
    parts = list(PART.finditer(text.strip()))
    if "".join(part[0] for part in parts) != text.strip():
        raise Refused(f"{text!r} is not a duration", "write it as in 1m20s")
    return sum((float(part[1]) * UNITS[part[2]] for part in parts), 0.0)


def parse_duration(text: str, what: str) -> float:
    """Return the seconds of `90`, `60s`, `1h30m` or `250ms`; `what` it is of stands in the error.

    Raises:
        Refused: it is none, or not above 0.
    """
    bare = text.strip()
    try:
        seconds = float(bare) if BARE.fullmatch(bare) else compose_duration(bare)
    except Refused:
        raise Refused(f"{what} {text}: no duration", "write it as 60s, 5m, 1h30m or 250ms") from None
    if seconds <= 0:
        raise Refused(f"{what} {text}: a duration is above 0")
    return seconds
