"""Ending connections of a server that listens no more, without closing one in which a request is just coming.

A connection that is kept open is used again by the balancer until it has been idle for its keepalive_timeout (2 s).
Who closes it earlier may do so while the next request is on its way: that request is lost, since nobody can tell
whether it was carried out. Two kinds of connections get here open: those that were accepted last, whose first request
is late, and those whose answer began before the drain and so could not say `Connection: close` (a stream).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

# Longer than the balancer keeps an idle connection to a replica (nginx/upstreams.conf: keepalive_timeout 2s).
IDLE_SECONDS = 2.5
POLL_SECONDS = 0.05


class Lingering:
    """The connections of a server on its way out.

    Args:
        connections: uvicorn's own set of what is open: HTTP connections, which have a `cycle` (the last request and its
            answer), and WebSockets.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, connections: set[Any], now: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._now = now
        self._told: set[Any] = set()
        self._idle: dict[Any, tuple[Any, float]] = {}

    async def until_all_ended(self, deadline: float, hurry: Callable[[], bool]) -> None:
        """Wait until every connection has ended: WebSockets are told at once, idle ones are closed when they are old.

        Args:
            deadline: moment of the clock at which it gives up.
            hurry: tells whether to give up at once.
        """
        while self._connections and not hurry() and self._now() < deadline:
            for connection in list(self._connections):
                self.look_at(connection)
            await asyncio.sleep(POLL_SECONDS)

    def look_at(self, connection: Any) -> None:
        """Let one connection go if it is time."""
        if not hasattr(connection, "cycle"):
            if connection not in self._told:
                self._told.add(connection)
                connection.shutdown()
            return
        cycle = connection.cycle
        if cycle is not None and not cycle.response_complete:
            self._idle.pop(connection, None)
            return
        since, now = self._idle.get(connection), self._now()
        if since is None or since[0] is not cycle:
            self._idle[connection] = (cycle, now)
        elif now - since[1] >= IDLE_SECONDS:
            connection.transport.close()
