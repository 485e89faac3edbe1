"""WebSockets of an ASGI application without a server."""

import asyncio
import json
from typing import Any

from fastapi import FastAPI

PATIENCE = 10.0
"""Seconds that anything is waited for."""


class Socket:
    """One WebSocket of an ASGI application, seen from the other side.

    Args:
        offers: subprotocols, apart by spaces.
    """

    def __init__(
        self, app: FastAPI, path: str, query: str = "", headers: dict[str, str] | None = None, offers: str = ""
    ) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": raw,
            "subprotocols": offers.split(),
            "app": app,
        }
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(app(scope, self._inbox.get, self._outbox.put))

    async def event(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            event: dict[str, Any] = await self._outbox.get()
            return event

    async def document(self) -> dict[str, Any]:
        event = await self.event()
        assert event["type"] == "websocket.send"
        document: dict[str, Any] = json.loads(event["text"])
        return document

    async def hang_up(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(PATIENCE):
            await self._task
