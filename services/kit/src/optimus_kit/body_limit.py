"""Requests larger than the limit are refused, whether they declare their size or not."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimus_kit.errors import ApiError


def too_large(limit: int) -> ApiError:
    """Make the 413 for a body of more than `limit` bytes."""
    return ApiError(413, f"The request body is larger than {limit} bytes.")


class BodyLimit:
    """Answers 413 by Content-Length at once, or as soon as a chunked body passes `limit` bytes.

    `limits` has those of single paths.
    """

    def __init__(self, app: ASGIApp, *, limit: int, limits: Mapping[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._limit)
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                if int(value) > limit:
                    await too_large(limit).response()(scope, receive, send)
                    return
                # The server itself never passes on more than was declared.
                await self._app(scope, receive, send)
                return
        await self._counted(scope, receive, send, limit)

    async def _counted(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        total = 0
        started = False

        async def receive_counted() -> Message:
            nonlocal total
            message = await receive()
            if message["type"] == "http.request":
                total += len(message.get("body", b""))
                if total > limit:
                    raise too_large(limit)
            return message

        async def send_unless_over(message: Message) -> None:
            # Whatever the application made of the broken-off body, the answer is 413.
            nonlocal started
            if started or total <= limit:
                started = True
                await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_over)
        except ApiError:
            if total <= limit:
                raise
        if total > limit and not started:
            await too_large(limit).response()(scope, receive, send)
