"""Hearing at once that a request's client has gone, without a task that waits for it."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope

# ASGI extension: takes a listener, tells it when the connection is lost, and returns what ends that (http_protocol.py).
ON_DISCONNECT = "optimus.on_disconnect"

Listener = Callable[[], None]


def on_disconnect(scope: Scope, receive: Receive, listener: Listener) -> Callable[[], object]:
    """Have `listener` called once the client is gone, soon if it is gone already; return what ends the listening.

    The request's body has been read. A server without the extension is asked by a task.
    """
    listen: Callable[[Listener], Listener] | None = scope.get("extensions", {}).get(ON_DISCONNECT)
    if listen is not None:
        return listen(listener)
    task = asyncio.create_task(_disconnected(receive))
    task.add_done_callback(lambda done: None if done.cancelled() or done.exception() else listener())
    return task.cancel


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
