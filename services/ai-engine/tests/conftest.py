"""A Redis of its own on the loopback, fake servers, and the service in this process."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from tests.redis_server import redis_server_program

from ai_engine.app import build_app

TENANTS = """
tenants:
  acme: {requests_per_minute: 600000, burst: 10000, concurrent_requests: 64}
  globex: {requests_per_minute: 600000, burst: 10000, concurrent_requests: 64}
  slow: {requests_per_minute: 1, burst: 2, concurrent_requests: 64}
  single: {requests_per_minute: 600000, burst: 10000, concurrent_requests: 1}
"""


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("redis")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    program = [str(redis_server_program()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen([*program, "--dir", str(folder)], stdout=subprocess.DEVNULL) as process:
        try:
            until_listening(port)
            yield port
        finally:
            process.kill()


def until_listening(port: int) -> None:
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"no answer on port {port}")


@pytest.fixture
def redis(redis_port: int) -> Iterator["Redis"]:
    with Redis(port=redis_port, decode_responses=True) as client:
        yield client


@pytest.fixture(autouse=True)
def forget(request: pytest.FixtureRequest) -> None:
    """Empty the store before each test that has one."""
    if "redis_port" in request.fixturenames:
        with Redis(port=request.getfixturevalue("redis_port")) as client:
            client.flushall()


@dataclass
class Replica:
    """The service in this process, as a client sees it."""

    app: Any
    client: httpx.AsyncClient

    async def ask(self, content: Any = "hello", tenant: str = "acme", **changes: Any) -> httpx.Response:
        headers = changes.pop("headers", {})
        body = {"model": "embedded", "messages": [{"role": "user", "content": content}]} | changes
        return await self.client.post(
            "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer key-{tenant}"} | headers
        )


Start = Callable[..., AbstractAsyncContextManager[Replica]]


@pytest.fixture
def start(redis_port: int, tmp_path: Path) -> Start:
    """Return what starts a replica with further environment variables; `secrets` are further secrets."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    for tenant in ("acme", "globex", "slow", "single"):
        (folder / f"TENANT_{tenant.upper()}_API_KEY").write_text(f"key-{tenant}")
    (tmp_path / "tenants.yaml").write_text(TENANTS)
    environ = {
        "SECRETS_DIR": str(folder),
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
    }

    @asynccontextmanager
    async def started(secrets: dict[str, str] | None = None, **changes: str) -> AsyncIterator[Replica]:
        for name, value in (secrets or {}).items():
            (folder / name).write_text(value)
        app = build_app(environ | changes)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://ai-engine", timeout=30) as client,
        ):
            yield Replica(app, client)

    return started


@dataclass
class Received:
    """A request as the fake server got it."""

    path: str
    headers: dict[str, str]
    body: Any


Handler = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FakeServer:
    """An HTTP server that answers each request with the next of its scripted answers; the last one is repeated."""

    answers: list[Handler] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await read_request(reader)
            self.received.append(request)
            answer = self.answers[min(len(self.received), len(self.answers)) - 1]
            work = asyncio.ensure_future(answer(request, writer))
            gone = asyncio.ensure_future(reader.read())
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self.disconnected.set()
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(head[0].split()[1], headers, json.loads(body) if body else None)


@pytest.fixture
async def fake_server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield fake
    server.close()
    await server.wait_closed()


@pytest.fixture
def answer() -> Callable[..., Handler]:
    """Return what makes a whole answer."""

    def make(status: int = 200, document: Any = None, **headers: str) -> Handler:
        async def write(_request: Received, writer: asyncio.StreamWriter) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()

        return write

    return make


@pytest.fixture
def completion(answer: Callable[..., Handler]) -> Callable[..., Handler]:
    """Return what makes the answer with a whole completion."""

    def make(text: str) -> Handler:
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        return answer(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})

    return make


@pytest.fixture
def events() -> Callable[..., Handler]:
    """Return what makes a streamed answer; `then` is awaited before it ends."""

    def make(*texts: str, done: bool = True, then: Callable[[], Awaitable[object]] | None = None) -> Handler:
        async def write(_request: Received, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            for text in texts:
                chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
                writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
            await writer.drain()
            if then:
                await then()
            if done:
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                writer.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())
                await writer.drain()

        return write

    return make
