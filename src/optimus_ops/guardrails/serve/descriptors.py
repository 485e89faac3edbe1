"""Standard input and output as the protocol's alone.

What anything else reads from standard input, in this process or in those that it starts, is empty; what it writes to
standard output goes to standard error. This comes before the libraries are loaded, which may write as well.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from optimus_ops.errors import Refused


@contextlib.contextmanager
def taken_descriptors() -> Iterator[tuple[int, int]]:
    """Give descriptors to read from and to write to, of which nothing else knows; both are put back at the end.

    Raises:
        Refused: standard input or output is closed.
    """
    sys.stdout.flush()
    try:
        source, sink = os.dup(0), os.dup(1)
    except OSError:
        hint = "a client of MCP starts the server, and opens them"
        raise Refused("standard input or output is closed", hint) from None
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    try:
        yield source, sink
    finally:
        sys.stdout.flush()
        os.dup2(source, 0)
        os.dup2(sink, 1)
