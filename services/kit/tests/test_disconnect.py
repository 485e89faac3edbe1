"""Hearing that a request's client has gone, over real connections and from a server that can't tell."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from tests.support.serving import Served, serving

from optimus_kit.app import create_app
from optimus_kit.disconnect import on_disconnect
from optimus_kit.secrets import SecretFolder
from optimus_kit.settings import ServiceSettings

ASK = b"GET /wait HTTP/1.1\r\nHost: here\r\n\r\n"


@dataclass
class Waiting:
    """A handler that waits until its client has gone."""

    begun: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, request: Request) -> None:
        gone = asyncio.Event()
        stop = on_disconnect(request.scope, request.receive, gone.set)
        self.begun.set()
        await gone.wait()
        stop()
        self.told.set()


@dataclass(frozen=True)
class Service:
    served: Served
    waiting: Waiting
    late: Waiting


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    app: FastAPI = create_app(ServiceSettings(service="demo", port=0, secrets=SecretFolder(tmp_path)), checks={})
    waiting, late = Waiting(), Waiting()

    @app.get("/wait")
    async def wait(request: Request) -> None:
        await waiting(request)

    @app.get("/late")
    async def listen_late(request: Request) -> None:
        waiting.begun.set()
        while (await request.receive())["type"] != "http.disconnect":
            """Read what there is."""
        await late(request)

    with serving(app) as served:
        yield Service(served, waiting, late)


def test_who_listens_is_told_when_the_client_closes_the_connection(service: Service) -> None:
    with service.served.connect() as connection:
        connection.sendall(ASK)
        assert service.waiting.begun.wait(30)
        assert not service.waiting.told.is_set()
    assert service.waiting.told.wait(30)


def test_who_listens_after_the_client_has_gone_is_told_soon(service: Service) -> None:
    with service.served.connect() as connection:
        connection.sendall(ASK.replace(b"wait", b"late"))
        assert service.waiting.begun.wait(30)
    assert service.late.told.wait(30)


async def test_a_server_without_the_extension_is_asked() -> None:
    messages, told = [{"type": "http.request"}, {"type": "http.disconnect"}], asyncio.Event()

    async def receive() -> Any:
        return messages.pop(0)

    on_disconnect({"type": "http"}, receive, told.set)
    await asyncio.wait_for(told.wait(), 30)


async def test_who_stops_listening_is_not_told() -> None:
    told = asyncio.Event()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    on_disconnect({"type": "http"}, receive, told.set)()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not told.is_set()
