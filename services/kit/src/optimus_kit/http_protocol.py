"""uvicorn's HTTP/1.1, with answers that no client can turn into a failure of the replica."""

import asyncio
import weakref
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from optimus_kit.edge import UNREAD
from optimus_kit.lingering_close import LingeringTransport, LingerLimits
from optimus_kit.own_answers import bad_request, ids_of, with_headers
from optimus_kit.write_batch import BatchingTransport


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1, closing by `LingeringTransport`; requests can tell whether their body has come (`UNREAD`)."""

    limits = LingerLimits()
    _rest_is_foreign = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        batching = cast("asyncio.Transport", BatchingTransport(transport))
        super().connection_made(cast("asyncio.Transport", LingeringTransport(batching, self.limits)))

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
        self.scope["extensions"] = {UNREAD: _unread_of(cycle)}  # type: ignore[dict-item]
        if self.parser.should_upgrade():
            # The parser takes what follows for another protocol, a body included. Read as the next request, it would be
            # one that whoever shares the connection did not make.
            self._rest_is_foreign = True
            cycle.keep_alive = False

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


def _unread_of(cycle: RequestResponseCycle) -> Callable[[], bool]:
    """Return what tells whether a part of the body has not come yet.

    It doesn't keep the request, which keeps it: in a cycle each request would be left to the collector.
    """
    found = weakref.ref(cycle)

    def unread() -> bool:
        request = found()
        return request is not None and request.more_body

    return unread
