"""Presence, on a store in memory."""

import asyncio
import fnmatch
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from optimus_kit.drain import Drain
from optimus_kit.presence import announce, merge, replicas
from optimus_kit.settings import ServiceSettings


class Memory:
    """The few commands that presence uses."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.lives: dict[str, int] = {}
        self.written = asyncio.Event()

    async def set(self, key: str, value: str, *, ex: int) -> None:
        self.values[key] = value
        self.lives[key] = ex
        self.written.set()

    async def delete(self, key: str) -> None:
        self.values.pop(key, None)

    async def scan_iter(self, *, match: str, count: int) -> AsyncIterator[str]:
        assert count > 0
        for key in self.values:
            if fnmatch.fnmatch(key, match):
                yield key

    async def mget(self, keys: list[str]) -> list[str | None]:
        return [self.values.get(key) for key in keys]


class Away(Memory):
    async def set(self, key: str, value: str, *, ex: int) -> None:
        await super().set(key, value, ex=ex)
        raise RedisConnectionError("away")


def as_redis(memory: Memory) -> "Redis":
    return cast("Redis", memory)


async def test_a_replica_is_there_while_it_announces_and_gone_after(settings: ServiceSettings) -> None:
    memory, drain = Memory(), Drain(ready=True, inflight=3)
    task = asyncio.create_task(announce(as_redis(memory), settings, drain, lambda: {"queue": 5}))
    await memory.written.wait()
    [found] = await replicas(as_redis(memory))
    assert memory.lives == {"optimus:replica:demo:replica-1": 10}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {key: found[key] for key in ("service", "hostname", "ready", "draining", "inflight", "queue")} == {
        "service": "demo",
        "hostname": "replica-1",
        "ready": True,
        "draining": False,
        "inflight": 3,
        "queue": 5,
    }
    assert memory.values == {}


async def test_a_store_that_is_away_does_not_end_the_announcement(settings: ServiceSettings) -> None:
    memory = Away()
    task = asyncio.create_task(announce(as_redis(memory), settings, Drain()))
    await memory.written.wait()
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_draining_replica_is_not_ready(settings: ServiceSettings) -> None:
    memory = Memory()
    several = replace(settings, web_concurrency=2)
    task = asyncio.create_task(announce(as_redis(memory), several, Drain(ready=True, draining=True)))
    await memory.written.wait()
    task.cancel()
    [document] = map(json.loads, memory.values.values()) if memory.values else [{}]
    assert (document["ready"], document["draining"]) == (False, True)


def process(**changes: Any) -> dict[str, Any]:
    base = {"service": "ai-engine", "hostname": "a", "ready": True, "draining": False, "inflight": 1}
    return base | {"started_at": 5.0, "seen_at": 9.0} | changes


def test_the_processes_of_a_replica_count_as_one() -> None:
    [one, other] = merge([process(), process(inflight=2, ready=False, seen_at=11.0), process(hostname="b")])
    assert (one["inflight"], one["ready"], one["seen_at"], other["hostname"]) == (3, False, 11.0, "b")


def test_of_a_provider_key_the_worst_process_counts() -> None:
    def key(state: str) -> dict[str, Any]:
        return {"provider_keys": [{"provider": "openai", "key": 1, "state": state}]}

    [one] = merge([process(**key("closed")), process(**key("open")), process(**key("half-open"))])
    assert one["provider_keys"] == key("open")["provider_keys"]
