"""uvicorn's protocols, with answers that no client can turn into a failure of the replica."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from optimus_kit.edge import UNREAD
from optimus_kit.lingering_close import LingeringTransport, LingerLimits

BAD_HANDSHAKE = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 22\r\nconnection: close\r\n\r\n"
    b"Not a valid handshake."
)


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1, closing by `LingeringTransport`; requests can tell whether their body has come (`UNREAD`)."""

    limits = LingerLimits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        super().connection_made(cast("asyncio.Transport", LingeringTransport(transport, self.limits)))

    def on_headers_complete(self) -> None:
        """Start the request."""
        before = self.cycle
        super().on_headers_complete()
        # A WebSocket's handshake makes none.
        if (cycle := self.cycle) is not before:
            self.scope["extensions"] = {UNREAD: lambda: cycle.more_body}  # type: ignore[dict-item]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets; a handshake that can't be read is answered as well, where uvicorn leaves the client waiting."""

    def data_received(self, data: bytes) -> None:
        """Take bytes of the handshake or of frames."""
        super().data_received(data)
        if self.handshake_initiated or self.conn.handshake_exc is None:
            return
        # Too many or too long headers have an answer of their own; of others there is only the end.
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or BAD_HANDSHAKE)
        self.transport.close()
