"""A client: one connection kept alive, and a result for every request."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from optimus_ops.load.connection import Connection, Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult

Judge = Callable[[Request, Response], ErrorKind | None]


class Client:
    """Sends one request at a time; a failure is a result and raises nothing.

    A connection that the server closed between requests is opened again, as HTTP wants it. A request that was sent is
    never sent again.
    """

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._connection: Connection | None = None

    async def send(self, request: Request, judge: Judge, intended: float | None = None) -> RequestResult:
        """Send a request and return its result; `intended` is when it was due, now if not given."""
        started, response = self._clock(), Response()
        error: ErrorKind | None = ErrorKind.CONNECT
        with suppress(OSError):
            error = await (await self.connect()).exchange(request.content, response)
        ended = self._clock()
        if error or not response.keep_alive:
            self.close()
        return RequestResult(
            request.name,
            request.kind,
            started if intended is None else intended,
            started,
            ended,
            response.first_byte,
            response.status,
            len(response.body),
            error or judge(request, response),
            response.headers,
        )

    async def connect(self) -> Connection:
        """Return the open connection, a new one where there is none; OSError: the server can't be reached."""
        if self._connection is None or not self._connection.usable:
            self._connection = await Connection.open(self._endpoint, self._clock)
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
