"""Trace ids as people paste them."""

from __future__ import annotations

import re

from optimus_ops.errors import Refused

HEADER = re.compile(r"(?:x-trace-id|traceparent)\s*[:=]\s*", re.IGNORECASE)
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.IGNORECASE | re.ASCII)
ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}", re.IGNORECASE | re.ASCII)
SHOWN = 60
QUOTES = " \t\r\n\"'"


def parse_trace_id(text: str) -> str:
    """Return the 32 digits of a trace id, of a `traceparent`, or of an `X-Trace-Id` header; 16 digits get zeros before.

    Raises:
        Refused: it is none of these, or all zeros.
    """
    given = HEADER.sub("", text.strip(QUOTES), count=1).strip(QUOTES)
    parent = TRACEPARENT.fullmatch(given)
    found = parent[1] if parent else given
    if not ID.fullmatch(found):
        shown = f"{text[:SHOWN]}…" if len(text) > SHOWN else text
        raise Refused(
            f"{shown!r} is no trace id",
            "32 hexadecimal digits are wanted, as in the header X-Trace-Id of an answer, or a whole traceparent",
        )
    if not found.strip("0"):
        raise Refused("a trace id is not all zeros", "take the one of the header X-Trace-Id of an answer")
    return found.lower().zfill(32)
