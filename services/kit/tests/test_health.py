"""What /health asks of the state store, and how often."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.redis_server import running_redis

from optimus_kit.health import HealthProbe
from optimus_kit.redis.writable import LIFE_MS, write_check
from optimus_kit.settings import Durability


async def test_a_store_that_takes_writes_is_well_and_keeps_nothing_for_long(tmp_path: Path) -> None:
    with running_redis(tmp_path) as port:
        async with Redis(port=port) as redis:
            probe = HealthProbe("demo", {"redis": write_check(redis, "demo")})
            assert await probe() == (200, {"status": "ok", "service": "demo", "checks": {"redis": "ok"}})
            assert await redis.keys() == [b"optimus:health:demo"]
            assert 0 < await redis.pttl("optimus:health:demo") <= LIFE_MS


@pytest.mark.parametrize(("name", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")])
async def test_a_store_that_answers_and_refuses_writes_is_not(tmp_path: Path, name: str, value: str) -> None:
    with running_redis(tmp_path) as port:
        async with Redis(port=port) as redis:
            await redis.config_set(name, value)
            status, body = await HealthProbe("demo", {"redis": write_check(redis, "demo")})()
            assert await redis.ping()
    assert (status, body["failed"]) == (503, ["redis"])


async def test_nor_is_one_that_is_a_replica(tmp_path: Path) -> None:
    with running_redis(tmp_path) as port:
        async with Redis(port=port) as redis:
            await redis.replicaof("127.0.0.1", "1")
            status, _ = await HealthProbe("demo", {"redis": write_check(redis, "demo")})()
    assert status == 503


async def test_nor_is_one_without_the_replicas_that_the_service_asks_for(tmp_path: Path) -> None:
    with running_redis(tmp_path) as port:
        async with Redis(port=port) as redis:
            check = write_check(redis, "demo", Durability(1, 0.01))
            status, body = await HealthProbe("demo", {"redis": check})()
    assert (status, body["checks"]) == (503, {"redis": "failed (NotReplicatedError)"})


class Counting:
    """A check that is let go by the test."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 0.0
        self.let_go = asyncio.Event()

    async def __call__(self) -> None:
        self.asked += 1
        await self.let_go.wait()


async def test_however_often_health_is_asked_the_checks_run_once_a_second() -> None:
    check = Counting()
    probe = HealthProbe("demo", {"check": check}, lambda: check.now)
    asking = [asyncio.create_task(probe()) for _ in range(20)]
    await asyncio.sleep(0)
    check.let_go.set()
    answers = await asyncio.gather(*asking)
    check.now = 0.9
    assert [await probe(), *answers] == [answers[0]] * 21
    assert check.asked == 1
    check.now = 1.0
    await probe()
    assert check.asked == 2


async def test_whoever_asks_first_may_go_away() -> None:
    check = Counting()
    probe = HealthProbe("demo", {"check": check})
    first, second = (asyncio.create_task(probe()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    check.let_go.set()
    assert (await second)[0] == 200
