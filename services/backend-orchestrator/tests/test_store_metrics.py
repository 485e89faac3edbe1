"""What backend-orchestrator tells of the queue and of Redis, whether that is there or not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from tests.support.metric_rules import OPENMETRICS, families, faults, series
from tests.support.ports import free_ports

from backend_orchestrator import keys
from backend_orchestrator.app import build_app
from backend_orchestrator.consumer import Consumer
from backend_orchestrator.intake import Intake, IntakeLimits
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.queue_figures import read_queue
from backend_orchestrator.redis_figures import read_info, replication_lag
from optimus_kit.tenancy import Tenant

CHECKOUT = Path(__file__).parents[3]
Values = dict[tuple[str, ...], float]


async def metrics_of(client: httpx.AsyncClient) -> str:
    return (await client.get("/metrics", headers=OPENMETRICS)).text


def values(text: str, name: str) -> Values:
    """Each sample by its labels' values."""
    return {tuple(sample.labels.values()): sample.value for sample in families(text)[name].samples}


@asynccontextmanager
async def serving(environ: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(environ)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


async def put(redis: Redis, tenant: str, number: int) -> None:
    message = InboundMessage(tenant, f"m{number}", "api", f"sender-{number}", "hello")
    await Intake(redis, IntakeLimits(), clock=lambda: 1_000.0).put(message, Tenant(tenant, ""))


async def test_the_page_of_metrics_says_what_is_shown(redis: Redis, environ: dict[str, str], redis_url: str) -> None:
    await put(redis, "acme", 1)
    async with serving(environ | {"REDIS_CACHE_URL": redis_url}) as client:
        await client.post("/v1/messages", json={}, headers={"Authorization": "Bearer acme-key"})
        text = await metrics_of(client)
    assert faults(text, "B") == []
    assert values(text, "optimus_redis_up") == {("state",): 1, ("cache",): 1}
    assert values(text, "redis_memory_used_bytes")["state",] > 0
    assert values(text, "redis_replication_lag_bytes") == {}


async def test_messages_are_told_by_where_they_are_and_whose(redis: Redis, environ: dict[str, str]) -> None:
    consumer = Consumer(redis, redis, "one", 3600)
    await consumer.join()
    await consumer.tick(10, 1)
    for number in range(5):
        await put(redis, "acme", number)
    first, second = await consumer.take(2)
    for delivery in (first, second):
        message = InboundMessage("acme", delivery.fields["message_id"], "api", delivery.fields["sender"], "hello")
        await consumer.begin(delivery, message)
        if delivery is first:
            await consumer.delay(delivery, message, 60, counts=True)
    await redis.xadd(keys.DEAD, {"n": "1"})
    async with serving(environ) as client:
        text = await metrics_of(client)
    found = values(text, "optimus_queue_messages")
    assert found == {
        ("waiting",): 5 - 1 - found["in_hand",],
        ("in_hand",): found["in_hand",],
        ("delayed",): 1,
        ("dead",): 1,
    }
    assert found["in_hand",] >= 1
    assert values(text, "optimus_queue_tenant_messages") == {("acme",): 5, ("globex",): 0}
    ages = values(text, "optimus_queue_oldest_message_age_seconds")
    assert ages["acme",] > 1000
    assert ages["globex",] == 0


async def test_messages_of_a_tenant_that_is_none_any_more_make_no_series(redis: Redis, environ: dict[str, str]) -> None:
    await Consumer(redis, redis, "one", 3600).join()
    await Consumer(redis, redis, "one", 3600).tick(10, 1)
    for tenant in ("gone-1", "gone-2"):
        await put(redis, tenant, 1)
    async with serving(environ) as client:
        text = await metrics_of(client)
    assert values(text, "optimus_queue_tenant_messages") == {("acme",): 0, ("globex",): 0, ("other",): 2}


async def test_without_redis_the_rest_is_told_and_nothing_that_is_not_known(environ: dict[str, str]) -> None:
    nowhere = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    async with serving(environ | {"REDIS_URL": nowhere, "REDIS_CACHE_URL": nowhere}) as client:
        text = await metrics_of(client)
    assert values(text, "optimus_redis_up") == {("state",): 0, ("cache",): 0}
    assert values(text, "process_open_fds")
    told = {name for name, family in families(text).items() if family.samples}
    assert not [name for name in told if name.startswith(("redis_", "optimus_queue_"))]


async def test_a_redis_that_says_nothing_keeps_no_scrape_waiting(environ: dict[str, str]) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            continue
        writer.close()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with asyncio.timeout(15), serving(environ | {"REDIS_CACHE_URL": url}) as client:
        text = await metrics_of(client)
    await left.wait()
    server.close()
    assert values(text, "optimus_redis_up") == {("state",): 1, ("cache",): 0}


async def test_what_clients_invent_makes_no_series(redis: Redis, environ: dict[str, str], redis_url: str) -> None:
    del redis  # emptied by then

    async def round_of(client: httpx.AsyncClient) -> None:
        mark = uuid4().hex
        for key in ("acme-key", "globex-key", mark):
            message = {"message_id": mark, "sender": mark, "text": mark, "channel": mark}
            await client.post("/v1/messages", json=message, headers={"Authorization": f"Bearer {key}"})
        await client.post("/webhooks/whatsapp", content=mark, headers={"X-Hub-Signature-256": f"sha256={mark}"})
        await client.post("/v1/dashboard/session", headers={"Authorization": f"Bearer {mark}"})
        for method in ("GET", "POST", "PUT", "OPTIONS", f"X-{mark}"):
            for path in ("/", "/metrics", "/v1/messages", "/webhooks/whatsapp", f"/{mark}", f"/v1/{mark}"):
                await client.request(method, path)

    async with serving(environ | {"REDIS_CACHE_URL": redis_url}) as client:
        await round_of(client)
        first = series(await metrics_of(client))
        await round_of(client)
        second = series(await metrics_of(client))
    assert second - first == set()
    assert len(second) < 1500


async def test_the_user_of_the_services_may_see_all_that_is_told(redis: Redis, redis_url: str) -> None:
    users = (CHECKOUT / "compose/redis/sentinel/users-node.acl").read_text("utf-8").splitlines()
    (rules,) = (line.split()[2:] for line in users if line.startswith("user services "))
    admin = cast("Any", redis)
    await admin.execute_command("ACL", "SETUSER", "services", *(rule.replace("#@SERVICES@", ">pass") for rule in rules))
    try:
        async with Redis.from_url(redis_url, username="services", password="pass", decode_responses=True) as services:
            assert (await read_info(services))["used_memory"]
            await put(redis, "acme", 1)
            assert (await read_queue(services)).state.unfinished == 1
    finally:
        await admin.execute_command("ACL", "DELUSER", "services")


def test_the_lag_is_that_of_the_replica_that_is_furthest_behind() -> None:
    replicas = {"slave0": {"offset": 90, "state": "online"}, "slave1": {"offset": 70}, "slave_repl_offset": 0}
    assert replication_lag({"master_repl_offset": 100, **replicas}) == 30
    assert replication_lag({"master_repl_offset": 100, "slave0": {"offset": 101}}) == 0
    assert replication_lag({"master_repl_offset": 100}) is None
    assert replication_lag({"slave0": {"offset": "x"}, "master_repl_offset": "y"}) is None
