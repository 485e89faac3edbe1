"""uvicorn's WebSockets, with an answer to every handshake; for services that have the package `websockets`."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response

from optimus_kit.handshake import FAILED, SWITCHED
from optimus_kit.own_answers import Headers, bad_request, ids_of, with_headers


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets; every answer to a handshake says its ids, and one that can't be read has an answer as well."""

    def data_received(self, data: bytes) -> None:
        """Take bytes of the handshake, whose head comes at once, or of frames."""
        super().data_received(data)
        if self.handshake_initiated or self.conn.handshake_exc is None:
            return
        # Too many or too long headers have an answer of their own; of others there is only the end.
        answer = b"".join(self.conn.data_to_send())
        answer = answer or with_headers(bad_request("Not a valid handshake."), self.default_headers)
        self.transport.write(with_headers(answer, ids_of({"headers": _headers(data), "state": {}})))
        self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Begin a handshake, or refuse it."""
        answer = self.conn.accept(event)
        if answer.status_code == SWITCHED:
            super().handle_connect(event)
            return
        self.handshake_initiated = True
        headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in event.headers.raw_items()]
        self._answer(answer, ids_of({"headers": headers, "state": {}}))
        self.transport.close()

    def send_500_response(self) -> None:
        """End a handshake that the application doesn't."""
        if not (self.initial_response or self.handshake_complete):
            self._answer(self.conn.reject(FAILED, "Internal Server Error"), ids_of(self.scope))

    def _answer(self, answer: Response, ids: Headers) -> None:
        self.handshake_complete = True
        self.close_sent = True
        answer.headers.update((key.decode(), value.decode()) for key, value in ids)
        self.conn.send_response(answer)
        self.transport.write(b"".join(self.conn.data_to_send()))


def _headers(head: bytes) -> Headers:
    """Return the headers of a head as uvicorn hands it over: one in each line, names in lower case."""
    lines = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
    return [(name, value) for name, separator, value in lines if separator]
