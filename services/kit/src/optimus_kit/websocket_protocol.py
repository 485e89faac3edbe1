"""uvicorn's WebSockets, with an answer to every handshake; for services that have the package `websockets`."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

BAD_HANDSHAKE = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 22\r\nconnection: close\r\n\r\n"
    b"Not a valid handshake."
)


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
