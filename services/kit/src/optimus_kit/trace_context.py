"""The W3C trace context of a request: traceparent and tracestate, read strictly and written (level 1, version 00)."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
NO_TRACE = "0" * 32
NO_SPAN = "0" * 16
SAMPLED = 1
MAX_STATE = 512
STATE = re.compile(r"[\x20-\x7e]{1,512}\Z")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits, not all zero.
        span_id: 16 of them; the span that what happens here belongs to.
        sampled: whether the spans of this trace are kept.
        state: the tracestate that is passed on; empty without one.
    """

    trace_id: str
    span_id: str
    sampled: bool
    state: str = ""

    @property
    def traceparent(self) -> str:
        """What a request that is made here carries."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(text: str, state: str = "") -> TraceContext | None:
    """Parse a traceparent; None for everything but a valid one of version 00.

    A later version is no reason to guess: the sender would have to be trusted on what this one can't check.
    """
    match = TRACEPARENT.match(text)
    if match is None:
        return None
    trace_id, span_id, flags = match.groups()
    if trace_id == NO_TRACE or span_id == NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & SAMPLED), state)


def read_headers(traceparents: Sequence[bytes], tracestates: Sequence[bytes] = ()) -> TraceContext | None:
    """Return the context that a request came with; None where it has no or several traceparents, or a malformed one.

    Args:
        traceparents: the values of all headers of that name.
        tracestates: likewise; taken where they are plain text of at most MAX_STATE characters together.
    """
    if len(traceparents) != 1:
        return None
    return parse_traceparent(traceparents[0].decode("latin-1"), _state(tracestates) if tracestates else "")


def _state(values: Sequence[bytes]) -> str:
    joined = ",".join(value.decode("latin-1") for value in values)
    return joined if STATE.match(joined) else ""


def new_trace_id() -> str:
    """Make a trace id."""
    return _random_hex(16)


def new_span_id() -> str:
    """Make a span id."""
    return _random_hex(8)


def _random_hex(size: int) -> str:
    while not any(value := os.urandom(size)):
        """All zero means none."""
    return value.hex()
