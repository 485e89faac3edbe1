"""Spans as tests need them."""

from __future__ import annotations

from typing import Any

from optimus_ops.traces.model import Span

TRACE = "5ce0e9a56015fec5aadfa328ae398115"
START = 1_795_846_304_000_000_000
MILLISECOND = 1_000_000


def span(number: int, parent: int = 0, *, at: float = 0.0, lasts: float = 10.0, **given: Any) -> Span:
    """Return span `number` below span `parent` (0: a root); `at` and `lasts` are milliseconds."""
    facts: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": f"{number:016x}",
        "parent_id": f"{parent:016x}" if parent else "",
        "name": f"work {number}",
        "service": "shop",
        "kind": "internal",
        "start_ns": START + round(at * MILLISECOND),
        "end_ns": START + round((at + lasts) * MILLISECOND),
    }
    return Span(**{**facts, **given})
