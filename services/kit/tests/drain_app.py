"""A small service for the tests of the drain contract; run as a program with the settings in its environment."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.responses import StreamingResponse

from optimus_kit.secret_watcher import SecretWatcher
from optimus_kit.server import serve
from optimus_kit.settings import ServiceSettings


def settings() -> ServiceSettings:
    return ServiceSettings.from_env(os.environ, service="drained", port=0)


def build() -> FastAPI:
    from optimus_kit.app import create_app  # noqa: PLC0415 - as services: metrics are imported after the fork is decided

    async def works() -> None:
        return None

    app = create_app(settings(), checks={"works": works}, secrets=SecretWatcher(settings().secrets))

    @app.get("/slow")
    async def slow(seconds: float) -> dict[str, bool]:
        await asyncio.sleep(seconds)
        return {"finished": True}

    @app.get("/events")
    async def events(count: int) -> StreamingResponse:
        async def numbers() -> AsyncIterator[str]:
            for number in range(count):
                yield f"data: {number}\n\n"
                await asyncio.sleep(0.1)
            yield "data: [DONE]\n\n"

        return StreamingResponse(numbers(), media_type="text/event-stream")

    @app.websocket("/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await socket.send_text(await socket.receive_text())

    return app


if __name__ == "__main__":
    serve("drain_app:build", settings())
