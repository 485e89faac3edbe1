import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.support.asgi_socket import PATIENCE, Socket

from backend_orchestrator import keys
from backend_orchestrator.app import build_app
from backend_orchestrator.broadcast import Broadcaster, TooManySubscribersError
from backend_orchestrator.consumer import Consumer
from backend_orchestrator.intake import Intake, IntakeLimits
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.snapshot import Queue, RedisObserver, Snapshot, services
from optimus_kit.tenancy import Tenant


@pytest.fixture
def app(environ: dict[str, str], redis: Redis) -> FastAPI:
    del redis  # emptied by then
    return build_app(environ | {"DASHBOARD_MAX_SOCKETS": "1"})


PATH = "/ws/dashboard"
BEARER = {"Authorization": "Bearer show-me"}


async def test_a_snapshot_comes_at_once(app: FastAPI) -> None:
    socket = Socket(app, PATH, headers=BEARER)
    assert (await socket.event())["type"] == "websocket.accept"
    snapshot = await socket.document()
    assert snapshot["type"] == "snapshot"
    assert snapshot["queue"] == {"depth": 0, "pending": 0, "dead": 0}
    assert snapshot["tenants"].keys() == {"acme", "globex"}
    await socket.hang_up()


async def test_a_change_is_told(app: FastAPI, redis: Redis) -> None:
    socket = Socket(app, PATH, query="token=show-me")
    await socket.event()
    await socket.document()
    await redis.xadd(keys.DEAD, {"n": "1"})
    assert (await socket.document())["queue"]["dead"] == 1
    await socket.hang_up()


async def test_a_browser_gives_the_token_as_a_subprotocol(app: FastAPI) -> None:
    token = base64.urlsafe_b64encode(b"show-me").decode().rstrip("=")
    socket = Socket(app, PATH, offers=f"optimus.dashboard optimus.token.{token}")
    assert (await socket.event())["subprotocol"] == "optimus.dashboard"
    assert (await socket.document())["type"] == "snapshot"
    await socket.hang_up()


async def test_both_tokens_of_a_rotation_open_it(environ: dict[str, str], redis: Redis) -> None:
    del redis  # emptied by then
    (Path(environ["SECRETS_DIR"]) / "DASHBOARD_TOKEN_SECONDARY").write_text("next")
    app = build_app(environ)
    for token in ("show-me", "next"):
        socket = Socket(app, PATH, query=f"token={token}")
        await socket.event()
        assert (await socket.document())["type"] == "snapshot"
        await socket.hang_up()


@pytest.mark.parametrize(
    ("query", "offers"),
    [("", ""), ("token=wrong", ""), ("token=", ""), ("", "optimus.token.x"), ("", "optimus.token.é")],
)
async def test_without_the_token_the_socket_is_closed(app: FastAPI, query: str, offers: str) -> None:
    socket = Socket(app, PATH, query=query, offers=offers)
    await socket.event()
    closed = await socket.event()
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await socket.hang_up()


async def test_no_more_sockets_than_may(app: FastAPI) -> None:
    first = Socket(app, PATH, headers=BEARER)
    await first.event()
    await first.document()
    second = Socket(app, PATH, headers=BEARER)
    await second.event()
    assert (await second.event())["code"] == 1013
    await second.hang_up()
    await first.hang_up()


async def test_the_page_is_self_contained_and_its_policy_admits_it(client: httpx.AsyncClient) -> None:
    for path in ("/", "/dashboard"):
        answer = await client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        for tag in ("script", "style"):
            (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy
        assert re.findall(r'(?:src|href)="(?!data:)', answer.text) == []
        assert "style=" not in answer.text


async def test_the_picture_holds_queue_replicas_and_tenants(redis: Redis) -> None:
    await redis.set(
        "optimus:replica:ai-engine:a",
        '{"service": "ai-engine", "hostname": "a", "ready": true, "draining": false, "inflight": 3, "seen_at": 1.0,'
        ' "started_at": 1.0}',
    )
    await redis.hset(keys.counts("acme"), mapping={"requests": 7, "messages_in": 2})
    await redis.xgroup_create(keys.INBOUND, keys.GROUP, id="0", mkstream=True)
    for _ in range(3):
        await redis.xadd(keys.INBOUND, {"n": "1"})
    await redis.xreadgroup(keys.GROUP, "one", {keys.INBOUND: ">"}, count=1)
    await redis.zadd(keys.DELAYED, {"m": 1})
    await redis.xadd(keys.DEAD, {"n": "1"})
    picture: dict[str, Any] = (await RedisObserver(redis, lambda: ["acme"]).take()).document(5.0)
    assert picture["at"] == 5.0
    assert picture["queue"] == {"depth": 3, "pending": 1, "dead": 1}
    assert picture["services"] == {"ai-engine": {"replicas": 1, "ready": 1}}
    assert picture["tenants"] == {
        "acme": {"requests": 7, "rejected": 0, "messages_in": 2, "messages_out": 0, "tokens": 0}
    }
    assert picture["waiting"] == {}
    (replica,) = picture["replicas"]
    assert replica["inflight"] == 3
    assert "seen_at" not in replica


async def test_the_picture_tells_what_waits_of_each_tenant_and_for_how_long(
    redis: Redis,
) -> None:
    consumer = Consumer(redis, redis, "one", 3600)
    await consumer.join()
    await consumer.tick(10, 2)
    intake = Intake(redis, IntakeLimits(), clock=lambda: 1_000.0)
    for number in range(3):
        message = InboundMessage("acme", f"m{number}", "api", "ana", "hello")
        await intake.put(message, Tenant("acme", "Acme"))
    await consumer.take(5)
    snapshot = (await RedisObserver(redis, lambda: ["acme"]).take()).document(1_030.0)
    assert snapshot["queue"] == {"depth": 2, "pending": 1, "dead": 0}
    assert snapshot["waiting"] == {"acme": {"messages": 3, "in_hand": 1, "oldest_age": 30.0}}


async def test_a_picture_of_an_empty_store_is_empty(redis: Redis) -> None:
    picture = await RedisObserver(redis, tuple).take()
    assert picture == Snapshot((), Queue(0, 0, 0), {})


def test_services_are_counted_with_those_that_are_ready() -> None:
    found = [{"service": "a", "ready": True}, {"service": "a", "ready": False}, {"service": "b", "ready": False}]
    assert services(found) == {"a": {"replicas": 2, "ready": 1}, "b": {"replicas": 1, "ready": 0}}


def picture(depth: int) -> Snapshot:
    return Snapshot((), Queue(depth, 0, 0), {})


@dataclass
class ScriptedObserver:
    """Shows what it is told to; a None is a look that fails. Then it waits for more."""

    script: asyncio.Queue[Snapshot | None] = field(default_factory=asyncio.Queue)
    looks: int = 0

    async def take(self) -> Snapshot:
        self.looks += 1
        shown = await self.script.get()
        if shown is None:
            raise RedisConnectionError
        return shown


@pytest.fixture
def observer() -> ScriptedObserver:
    return ScriptedObserver()


@pytest.fixture
def broadcaster(observer: ScriptedObserver) -> Broadcaster:
    return Broadcaster(observer, limit=2, interval=0)


async def test_all_watchers_share_one_look(broadcaster: Broadcaster, observer: ScriptedObserver) -> None:
    async with broadcaster.subscribe() as one, broadcaster.subscribe() as two:
        observer.script.put_nowait(picture(1))
        assert await one.next(PATIENCE) == await two.next(PATIENCE) == picture(1)
    assert observer.looks <= 2


async def shown_all(observer: ScriptedObserver) -> None:
    """Wait until the next look waits for more to be shown."""
    async with asyncio.timeout(PATIENCE):
        looks = observer.looks
        while not (observer.script.empty() and observer.looks > looks):  # noqa: ASYNC110 - nobody could tell
            await asyncio.sleep(0)


async def test_what_did_not_change_is_not_told(broadcaster: Broadcaster, observer: ScriptedObserver) -> None:
    async with broadcaster.subscribe() as watcher:
        observer.script.put_nowait(picture(1))
        assert await watcher.next(PATIENCE) == picture(1)
        observer.script.put_nowait(picture(1))
        await shown_all(observer)
        assert await watcher.next(0) is None


async def test_a_slow_watcher_gets_the_latest_and_no_queue(
    broadcaster: Broadcaster, observer: ScriptedObserver
) -> None:
    async with broadcaster.subscribe() as watcher:
        for depth in range(100):
            observer.script.put_nowait(picture(depth))
        await shown_all(observer)
        assert await watcher.next(PATIENCE) == picture(99)
        assert await watcher.next(0) is None


async def test_a_look_that_fails_is_followed_by_another(broadcaster: Broadcaster, observer: ScriptedObserver) -> None:
    async with broadcaster.subscribe() as watcher:
        observer.script.put_nowait(None)
        observer.script.put_nowait(picture(1))
        assert await watcher.next(PATIENCE) == picture(1)


async def test_a_later_watcher_is_shown_what_is_known(broadcaster: Broadcaster, observer: ScriptedObserver) -> None:
    async with broadcaster.subscribe() as first:
        observer.script.put_nowait(picture(1))
        await first.next(PATIENCE)
        async with broadcaster.subscribe() as second:
            assert await second.next(0) == picture(1)


async def test_places_are_limited_and_given_back(broadcaster: Broadcaster) -> None:
    async with broadcaster.subscribe():
        async with broadcaster.subscribe():
            with pytest.raises(TooManySubscribersError):
                await broadcaster.subscribe().__aenter__()
        async with broadcaster.subscribe():
            pass


async def test_nobody_watching_nobody_looks(broadcaster: Broadcaster, observer: ScriptedObserver) -> None:
    async with broadcaster.subscribe() as watcher:
        observer.script.put_nowait(picture(1))
        await watcher.next(PATIENCE)
    await asyncio.sleep(0)
    looks = observer.looks
    observer.script.put_nowait(picture(2))
    await asyncio.sleep(0.02)
    assert observer.looks == looks
