"""A real redis-server (out of a wheel) for what is only true of the real thing: streams, groups, scripts."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from redis.asyncio import Redis
from tests.redis_server import redis_server_program
from tests.support.ports import free_ports

from backend_orchestrator.app import build_app


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="optimus-redis-") as folder:
        port = free_ports(1)[0]
        server = redis_server_program()
        command = [str(server), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    ends_at = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.01)
        else:
            return


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def reader(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
def environ(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """A service's environment: two tenants, all secrets, that Redis."""
    secrets = {
        "TENANT_ACME_API_KEY": "acme-key",
        "TENANT_GLOBEX_API_KEY": "globex-key",
        "WHATSAPP_VERIFY_TOKEN": "verify",
        "WHATSAPP_APP_SECRET": "old,new",
        "DASHBOARD_TOKEN": "show-me",
        "SESSION_SIGNING_KEY": "0123456789-signing-key-0123456789",
    }
    (tmp_path / "secrets").mkdir()
    for name, value in secrets.items():
        (tmp_path / "secrets" / name).write_text(value)
    numbers = {"acme": "100000000000001", "globex": "100000000000002"}
    limits = {"requests_per_minute": 60, "burst": 5, "queued_messages": 5}
    tenants = {name: {"whatsapp_phone_number_id": number, **limits} for name, number in numbers.items()}
    (tmp_path / "tenants.yaml").write_text(json.dumps({"tenants": tenants}))
    return {
        "SECRETS_DIR": str(tmp_path / "secrets"),
        "TENANTS_FILE": str(tmp_path / "tenants.yaml"),
        "REDIS_URL": redis_url,
        "MAX_BODY_BYTES": "65536",
        "WEBHOOK_MAX_BODY_BYTES": "131072",
        "HOSTNAME": "replica-1",
        "PORT": str(free_ports(1)[0]),
    }


@pytest.fixture
async def client(redis: Redis, environ: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    del redis  # emptied by then
    app = build_app(environ)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


@pytest.fixture(autouse=True)
async def _no_task_outlives_its_test() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if not task.done() and task is not asyncio.current_task()]
    assert left == []
