"""Callers of the services: each request once, with the patience of a caller."""

from __future__ import annotations

import asyncio
import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.record import Write
from optimus_ops.redis.drill.writers import CALLER_SECONDS

if TYPE_CHECKING:
    from optimus_ops.redis.drill.record import Outcome
    from optimus_ops.redis.drill.service_workload import ServiceEndpoint

CALLERS = 3
RATE = 4.0
"""Requests of each per second: some are under way at any moment of a fail-over, and it is no load worth mention."""
NOT_STORED = "X-Session-Stored"


@dataclass
class Caller:
    """One caller with one connection.

    Args:
        run: prefix of its ids.
        door: where it comes in.
        number: which of its kind it is.
        written: writes are appended to it.
    """

    run: str
    door: ServiceEndpoint
    number: int
    written: list[Write]
    _connection: http.client.HTTPConnection | None = None

    async def write(self, rate: float, stop: asyncio.Event) -> None:
        """Ask at a steady rate until told to stop; a request that takes long delays the next one."""
        due, count = time.monotonic(), 0
        while not stop.is_set():
            count += 1
            name = f"{self.run}-{self.door.kind.name}-{self.number}-{count}"
            began = time.monotonic()
            outcome, error = await asyncio.to_thread(self._ask, name)
            self.written.append(Write(name, self.door.kind.name, began, time.monotonic(), outcome, error=error))
            due = max(due + 1 / rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
        self._close()

    def _ask(self, name: str) -> tuple[Outcome, str]:
        request = self.door.request(name)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.door.host, self.door.port, timeout=CALLER_SECONDS)
        try:
            if self._connection.sock is None:
                self._connection.connect()
        except OSError:
            return "rejected", "no connection"
        try:
            self._connection.request("POST", request.path, request.body, dict(request.headers))
            response = self._connection.getresponse()
            response.read()
        except TimeoutError:
            self._close()
            return "indeterminate", f"no answer within {CALLER_SECONDS:.0f} s"
        except (OSError, http.client.HTTPException):
            self._close()
            return "indeterminate", "connection lost"
        return judge_answer(response.status, response.headers.get(NOT_STORED, ""))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def judge_answer(status: int, stored: str) -> tuple[Outcome, str]:
    """Return the outcome of a request that was answered.

    An error of the service says nothing about whether it had written before; a refusal of the request does.

    Args:
        status: of HTTP.
        stored: the header in which ai-engine says that a turn was not kept.
    """
    if status == http.client.OK:
        return ("indeterminate", "answered, not stored") if stored == "false" else ("acknowledged", "")
    return "indeterminate" if status >= http.client.INTERNAL_SERVER_ERROR else "rejected", f"HTTP {status}"
