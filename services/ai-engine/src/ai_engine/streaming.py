"""Answers that take time: streams of events, and work that ends when the client goes away."""

from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from optimus_kit.disconnect import on_disconnect
from optimus_kit.interruption import Interruption

Result = TypeVar("Result")

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class ClientGone(Exception):  # noqa: N818 - what happened, not an error
    """The client closed the connection before the answer."""


async def while_connected(
    scope: Scope, receive: Receive, work: Coroutine[Any, Any, Result], interruption: Interruption
) -> Result:
    """Return what `work` returns; end it when the client goes away, or by `interruption` for other reasons.

    The work begins in any case, so that it can end what it was given.

    Raises:
        ClientGone: the client went away first.
    """
    stop = on_disconnect(scope, receive, lambda: interruption.interrupt(ClientGone()))
    try:
        with interruption:
            return await work
    finally:
        stop()


class EventStream(Response):
    """Sends server-sent events as they come; closes the generator when it ends or the client goes away."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(headers={**HEADERS, **headers})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            await while_connected(scope, receive, self._write(send), Interruption())
        except ClientGone:
            return

    async def _write(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in events:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
