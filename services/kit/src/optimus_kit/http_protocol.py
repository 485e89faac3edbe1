"""uvicorn's HTTP/1.1, with answers that no client can turn into a failure of the replica."""

import asyncio
import weakref
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from optimus_kit.disconnect import ON_DISCONNECT, Listener
from optimus_kit.edge import UNREAD
from optimus_kit.lingering_close import LingeringTransport, LingerLimits
from optimus_kit.own_answers import bad_request, ids_of, with_headers
from optimus_kit.write_batch import BatchingTransport


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1, closing by `LingeringTransport`.

    Requests can tell whether their body has come (`UNREAD`), and hear that their client has gone (`ON_DISCONNECT`).
    """

    limits = LingerLimits()
    _rest_is_foreign = False
    _lost = False
    _listeners: set[Listener]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        batching = cast("asyncio.Transport", BatchingTransport(transport))
        self._listeners = set()
        self._listening = _listening_at(self)
        super().connection_made(cast("asyncio.Transport", LingeringTransport(batching, self.limits)))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection, and tell the requests that are under way."""
        self._lost = True
        super().connection_lost(exc)
        listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener()

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests."""
        if not self._rest_is_foreign:
            super().data_received(data)

    def on_headers_complete(self) -> None:
        """Start the request."""
        before = self.cycle
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is before:
            # A WebSocket's handshake makes none.
            return
        self.scope["extensions"] = {UNREAD: _unread_of(cycle), ON_DISCONNECT: self._listening}  # type: ignore[dict-item]
        if self.parser.should_upgrade():
            # The parser takes what follows for another protocol, a body included. Read as the next request, it would be
            # one that whoever shares the connection did not make.
            self._rest_is_foreign = True
            cycle.keep_alive = False

    def listen(self, listener: Listener) -> Listener:
        """Have a listener told that the connection is lost; return what ends that."""
        if self._lost:
            asyncio.get_running_loop().call_soon(listener)
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless another answer has begun or is due first, and end the connection."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        in_flight = cycle is not None and not cycle.response_complete
        if cycle is not None and in_flight and cycle.scope is not self.scope:
            self._rest_is_foreign = True
            cycle.keep_alive = False
            return
        if cycle is None or not in_flight or not cycle.response_started:
            ids = [*self.server_state.default_headers, *ids_of(self.scope)]
            self.transport.write(with_headers(bad_request(msg), ids))
        self.transport.close()


def _listening_at(protocol: HttpProtocol) -> Callable[[Listener], Listener]:
    """Return its `listen`, which doesn't keep it: it keeps the request that has this."""
    found = weakref.ref(protocol)

    def listen(listener: Listener) -> Listener:
        connection = found()
        # A request that is under way keeps its connection.
        return connection.listen(listener) if connection else lambda: None

    return listen


def _unread_of(cycle: RequestResponseCycle) -> Callable[[], bool]:
    """Return what tells whether a part of the body has not come yet.

    It doesn't keep the request, which keeps it: in a cycle each request would be left to the collector.
    """
    found = weakref.ref(cycle)

    def unread() -> bool:
        request = found()
        return request is not None and request.more_body

    return unread
