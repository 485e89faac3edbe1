"""The W3C trace context of a request: traceparent and tracestate, read strictly, written as version 00.

https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Sequence
from random import getrandbits
from typing import NamedTuple

# A later version may go on behind a dash; there is no version ff.
TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z", re.DOTALL)
WRITTEN = "00"
NO_TRACE = "0" * 32
NO_SPAN = "0" * 16
SAMPLED = 1
MAX_MEMBERS = 32
STATE = re.compile(r"[\x20-\x7e]{1,512}\Z")
# RFC 9110, 5.5: no part of a header's value. The parser leaves those behind it.
SPACES = b" \t"


class TraceContext(NamedTuple):
    """A place in a trace; a tuple because each span makes one, and a frozen dataclass takes three times as long.

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
        return f"{WRITTEN}-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(text: str, state: str = "") -> TraceContext | None:
    """Parse a traceparent; None for a malformed one. Of a later version the part that version 00 knows is taken."""
    match = TRACEPARENT.match(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if trace_id == NO_TRACE or span_id == NO_SPAN or (more and version == WRITTEN):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & SAMPLED), state)


def read_headers(traceparents: Sequence[bytes], tracestates: Sequence[bytes] = ()) -> TraceContext | None:
    """Return the context that a request came with; None where it has no or several traceparents, or a malformed one.

    Args:
        traceparents: the values of all headers of that name.
        tracestates: likewise; taken where they are plain text, together at most 512 characters and MAX_MEMBERS members.
    """
    if len(traceparents) != 1:
        return None
    text = traceparents[0].strip(SPACES).decode("latin-1")
    return parse_traceparent(text, _state(tracestates) if tracestates else "")


def _state(values: Sequence[bytes]) -> str:
    joined = b",".join(value.strip(SPACES) for value in values).decode("latin-1")
    return joined if STATE.match(joined) and joined.count(",") < MAX_MEMBERS else ""


# Ids have to be different, not secret; all zero means none. Python seeds its generator anew after a fork.
def new_trace_id() -> str:
    """Make a trace id."""
    return (getrandbits(128) or 1).to_bytes(16).hex()


def new_span_id() -> str:
    """Make a span id."""
    return (getrandbits(64) or 1).to_bytes(8).hex()
