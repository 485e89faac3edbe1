"""One JSON line per request on standard output; never a header, a query string or a body."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

from optimus_kit.trace_context import TraceContext

FLUSH_SECONDS = 0.1
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/:@!$&'()*+,;=%{}")


class Access(NamedTuple):
    """A served request; `seconds` is the time from its arrival to the last byte given to the kernel."""

    request_id: str
    tenant: str | None
    method: str
    path: str
    status: int
    seconds: float
    trace: TraceContext


def access_line(service: str, access: Access, now: float) -> str:
    """Return the line, built by hand because `json.dumps` of the whole costs several times as much."""
    stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    tenant = f'"{access.tenant}"' if access.tenant else "null"
    path = f'"{access.path}"' if PLAIN.issuperset(access.path) else json.dumps(access.path)
    return (
        f'{{"time":"{stamp}","service":"{service}","request_id":"{access.request_id}","tenant":{tenant},'
        f'"method":"{access.method}","path":{path},"status":{access.status},"ms":{access.seconds * 1000:.2f},'
        f'"trace_id":"{access.trace.trace_id}","span_id":"{access.trace.span_id}"}}\n'
    )


class AccessLog:
    """Writes the lines a few at a time: at most FLUSH_SECONDS after the request, with one system call for all.

    Args:
        service: named in each line.
        out: where they go.
    """

    def __init__(self, service: str, out: TextIO) -> None:
        self._service = service
        self._out = out
        self._lines: list[str] = []

    def __call__(self, access: Access) -> None:
        """Log one request; called in the event loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        self._lines.append(access_line(self._service, access, time.time()))

    def flush(self) -> None:
        """Write what is waiting."""
        lines, self._lines = self._lines, []
        self._out.write("".join(lines))
        self._out.flush()
