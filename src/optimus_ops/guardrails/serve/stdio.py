"""The server over standard input and output, for the client that started it."""

from __future__ import annotations

import sys

from optimus_ops.guardrails.serve.descriptors import taken_descriptors
from optimus_ops.system.signals import handled_by
from optimus_ops.text.console import Console

WAITING = "guardrails: waiting for a client of MCP on standard input; Ctrl-C ends it"


def serve_stdio() -> None:
    """Answer until the client is gone, or until SIGINT or SIGTERM."""
    if sys.stdin is not None and sys.stdin.isatty():
        Console.standard(json=True).say(WAITING)
    with taken_descriptors() as (source, sink):
        # Loading takes a second, and what it might print is kept out of the protocol.
        from optimus_ops.guardrails.serve.server import make_server  # noqa: PLC0415
        from optimus_ops.guardrails.serve.wire import Wire, protocol_streams  # noqa: PLC0415

        wire = Wire(source, sink)
        with protocol_streams(wire), handled_by(lambda _number, _frame: wire.stop()):
            try:
                make_server().run()
            except* BrokenPipeError:
                # The client is gone, amid an answer.
                pass
