"""The handshake of a WebSocket: every answer to it carries our headers."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimus_kit.errors import ApiError

SWITCHED = 101
REFUSED = 403
FAILED = 500

log = logging.getLogger("optimus.request")


class Handshake:
    """Serves one WebSocket, and notes how its handshake was answered.

    Attributes:
        status: of the answer; 0 before there is one.

    Args:
        headers: added to the answer.
        send: of the server.
    """

    def __init__(self, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        self.status = 0
        self._headers = headers
        self._send = send

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Serve it; an application that fails before it has answered is answered 500."""
        try:
            await app(scope, receive, self.send)
        except Exception:
            if self.status:
                raise
            log.exception("WebSocket %s failed in its handshake", scope["state"]["request_id"])
            await self._answer(FAILED, "Something went wrong on our side. The request id helps to find it.")

    async def send(self, message: Message) -> None:
        """Send what the application sends."""
        kind = message["type"]
        if self.status or kind not in {"websocket.accept", "websocket.close", "websocket.http.response.start"}:
            await self._send(message)
        elif kind == "websocket.close":
            # The server's own refusal has no headers.
            await self._answer(REFUSED, "This WebSocket is refused.")
        else:
            self.status = message.get("status", SWITCHED)
            message["headers"] = [*message.get("headers", ()), *self._headers]
            await self._send(message)

    async def _answer(self, status: int, text: str) -> None:
        self.status = status
        answer = ApiError(status, text).response()
        start = {"type": "websocket.http.response.start", "status": status}
        await self._send({**start, "headers": [*answer.raw_headers, *self._headers]})
        await self._send({"type": "websocket.http.response.body", "body": bytes(answer.body)})
