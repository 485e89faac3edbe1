import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from backend_orchestrator import keys
from backend_orchestrator.consumer import Consumer, Delivery
from backend_orchestrator.intake import Intake, IntakeLimits
from backend_orchestrator.messages import InboundMessage
from backend_orchestrator.waiting import waiting
from backend_orchestrator.worker import Worker, WorkerOptions
from backend_orchestrator.worker_health import alive
from backend_orchestrator.worker_main import beat
from optimus_kit.drain import Drain
from optimus_kit.tenancy import Tenant

PATIENCE = 10.0


@dataclass
class Bench:
    """A worker whose handling can be held up."""

    redis: Redis
    consumer: Consumer
    drain: Drain = field(default_factory=Drain)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    beats: list[None] = field(default_factory=list)

    async def handle(self, delivery: Delivery) -> None:
        name = delivery.fields["message_id"]
        self.started.append(name)
        if name == "bad":
            raise RuntimeError("unforeseen")
        await self.gate.wait()
        await self.consumer.drop(delivery)
        self.ended.append(name)

    def worker(self, concurrency: int = 2, claim_idle_ms: int = 60_000) -> Worker:
        options = WorkerOptions(concurrency, claim_idle_ms, block_ms=20, pause=0.01)
        return Worker(self.consumer, self.handle, options, self.drain, beat=lambda: self.beats.append(None))

    async def add(self, *names: str) -> None:
        for name in names:
            await self.put(name, sender=name)

    async def put(self, name: str, sender: str, tenant: str = "acme") -> None:
        message = InboundMessage(tenant, name, "api", sender, "hello")
        await Intake(self.redis, IntakeLimits()).put(message, Tenant(tenant, tenant))

    async def pending(self) -> int:
        return int((await self.redis.xpending(keys.INBOUND, keys.GROUP))["pending"])


@pytest.fixture
async def bench(redis: Redis, reader: Redis) -> Bench:
    return Bench(redis, Consumer(redis, reader, "one", 3600))


async def entries(redis: Redis, stream: str) -> list[tuple[str, dict[str, str]]]:
    return cast("list[tuple[str, dict[str, str]]]", await redis.xrange(stream))


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.005)


async def stop(bench: Bench, worker: Worker, run: asyncio.Task[None], seconds: float = PATIENCE) -> None:
    bench.drain.begin()
    await run
    await worker.finish(seconds)


async def test_no_more_is_in_hand_than_may(bench: Bench) -> None:
    worker = bench.worker(concurrency=2)
    run = asyncio.create_task(worker.run())
    await bench.add("1", "2", "3", "4")
    await until(lambda: len(bench.started) == 2)
    rounds = len(bench.beats)
    await until(lambda: len(bench.beats) > rounds + 2)
    assert len(bench.started) == bench.drain.inflight == 2
    bench.gate.set()
    await until(lambda: len(bench.ended) == 4)
    await stop(bench, worker, run)
    assert bench.drain.inflight == 0


async def test_draining_finishes_what_is_in_hand_and_takes_nothing_new(bench: Bench) -> None:
    worker = bench.worker(concurrency=1)
    run = asyncio.create_task(worker.run())
    await bench.add("1", "2")
    await until(lambda: bench.started == ["1"])
    bench.drain.begin()
    await run
    finish = asyncio.create_task(worker.finish(PATIENCE))
    bench.gate.set()
    await finish
    assert bench.ended == ["1"]
    assert await bench.redis.xinfo_consumers(keys.INBOUND, keys.GROUP) == []
    assert await bench.redis.hlen(keys.WORKERS) == 0
    assert (await waiting(bench.redis))["acme"].messages == 1


async def test_what_does_not_end_in_time_stays_for_another_worker(bench: Bench, reader: Redis) -> None:
    worker = bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.add("1")
    await until(lambda: bench.started == ["1"])
    await stop(bench, worker, run, seconds=0.01)
    assert bench.ended == []
    other = Consumer(bench.redis, reader, "two", 3600)
    (left,) = await other.claim(5, 60_000)
    assert left.fields["message_id"] == "1"


async def test_a_dead_workers_messages_are_taken_over(bench: Bench, reader: Redis) -> None:
    dead = Consumer(bench.redis, reader, "dead", 3600)
    await dead.join()
    await dead.tick(2, 1)
    await bench.add("1")
    await dead.take(1, 10)
    bench.gate.set()
    worker = bench.worker(claim_idle_ms=30)
    run = asyncio.create_task(worker.run())
    await until(lambda: bench.ended == ["1"])
    await stop(bench, worker, run)


async def test_a_slow_message_is_not_taken_for_a_dead_workers(bench: Bench) -> None:
    worker = bench.worker(claim_idle_ms=1000)
    run = asyncio.create_task(worker.run())
    await bench.add("1")
    await until(lambda: bench.started == ["1"])
    entry = (await entries(bench.redis, keys.INBOUND))[0][0]

    async def renewed() -> bool:
        # As if it had been in hand for long; the worker's next renewal takes that back.
        found = await bench.redis.xpending_range(keys.INBOUND, keys.GROUP, entry, entry, 1)
        # A claim would count as another delivery.
        assert found[0]["times_delivered"] == 1
        return int(found[0]["time_since_delivered"]) < 500

    await bench.redis.xclaim(keys.INBOUND, keys.GROUP, "one", 0, [entry], idle=900, justid=True)
    await until(renewed)
    bench.gate.set()
    await stop(bench, worker, run)
    assert bench.started == bench.ended == ["1"]


async def test_an_unforeseen_failure_leaves_the_entry_pending_and_the_worker_working(bench: Bench) -> None:
    bench.gate.set()
    worker = bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.add("bad", "good")
    await until(lambda: bench.ended == ["good"])
    assert await bench.pending() == 1
    await stop(bench, worker, run)


async def test_a_queue_that_was_lost_is_joined_again(bench: Bench) -> None:
    bench.gate.set()
    worker = bench.worker()
    run = asyncio.create_task(worker.run())
    await until(lambda: len(bench.beats) > 0)
    await bench.redis.flushall()
    await bench.add("1")
    await until(lambda: bench.ended == ["1"])
    await stop(bench, worker, run)


def test_a_worker_lives_while_its_heartbeat_is_fresh(tmp_path: Path) -> None:
    file = tmp_path / "worker.alive"
    assert not alive(file, now=0.0)
    beat(file)()
    touched = file.stat().st_mtime
    assert alive(file, now=touched + 29)
    assert not alive(file, now=touched + 31)


async def test_a_busy_tenant_leaves_room_for_one_that_has_little_in_hand(bench: Bench) -> None:
    worker = bench.worker(concurrency=2)
    run = asyncio.create_task(worker.run())
    await bench.add("1", "2", "3", "4")
    await until(lambda: len(bench.started) == 2)
    await bench.put("quiet", "ana", "globex")
    await until(lambda: len(bench.started) == 3)
    assert bench.started[-1] == "quiet"
    await stop(bench, worker, run, seconds=0.01)


async def test_a_sender_has_one_message_in_hand_and_others_do_not_wait_for_it(bench: Bench) -> None:
    worker = bench.worker(concurrency=8)
    run = asyncio.create_task(worker.run())
    for name in ("ana-1", "ana-2", "ana-3"):
        await bench.put(name, "ana")
    await bench.put("bob-1", "bob")
    await until(lambda: set(bench.started) == {"ana-1", "bob-1"})
    rounds = len(bench.beats)
    await until(lambda: len(bench.beats) > rounds + 2)
    assert set(bench.started) == {"ana-1", "bob-1"}
    bench.gate.set()
    await until(lambda: len(bench.ended) == 4)
    assert [name for name in bench.ended if name.startswith("ana")] == ["ana-1", "ana-2", "ana-3"]
    await stop(bench, worker, run)


async def test_what_fails_with_the_queue_is_tried_again_by_the_same_worker(bench: Bench) -> None:
    handle, failures = bench.handle, [RedisConnectionError(), RedisConnectionError()]

    async def failing(delivery: Delivery) -> None:
        if failures:
            raise failures.pop()
        await handle(delivery)

    bench.gate.set()
    options = WorkerOptions(2, 60_000, block_ms=20, pause=0.01)
    worker = Worker(bench.consumer, failing, options, bench.drain, beat=lambda: None)
    run = asyncio.create_task(worker.run())
    await bench.add("1")
    await until(lambda: bench.ended == ["1"])
    await stop(bench, worker, run)
