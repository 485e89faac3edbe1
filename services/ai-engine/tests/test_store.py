"""Which calls go out together."""

import asyncio
from typing import Any, cast

import pytest
from redis.asyncio import Redis as AsyncRedis

from ai_engine.limits import RENEW, SCRIPTS
from ai_engine.store import MAX_GROUP, MAX_LARGE, Store, StoreUnavailable

KEYS = ("optimus:slots:acme",)


class Groups(AsyncRedis):
    """Notes how many scripts each pipeline carries."""

    sizes: list[int]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        pipeline = cast("Any", super().pipeline(transaction, shard_hint))
        execute = pipeline.execute

        async def noted(**options: Any) -> Any:
            self.sizes.append(sum(words[0][0] == "EVALSHA" for words in pipeline.command_stack))
            return await execute(**options)

        pipeline.execute = noted
        return pipeline


@pytest.fixture
async def redis_of_groups(redis_port: int) -> Groups:
    client = Groups(port=redis_port)
    client.sizes = []
    return client


@pytest.mark.parametrize(("large", "most"), [(False, MAX_GROUP), (True, MAX_LARGE)])
async def test_answers_that_may_be_large_are_few_at_a_time(redis_of_groups: Groups, large: bool, most: int) -> None:
    store = Store(redis_of_groups, SCRIPTS)
    await store.run(RENEW, KEYS, (1,))
    redis_of_groups.sizes.clear()
    calls = [store.run(RENEW, KEYS, (1,), large=large) for _ in range(MAX_GROUP)]
    assert await asyncio.gather(*calls) == [0] * MAX_GROUP
    await store.aclose()
    assert max(redis_of_groups.sizes) == most


class LoopClock:
    """The clock of the running event loop, which may be put forward: time that passes without anything being done."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        time, self.ahead = loop.time, 0.0
        patch.setattr(loop, "time", lambda: time() + self.ahead)


async def test_an_answer_that_came_while_the_process_stood_still_counts(
    redis_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, store = LoopClock(monkeypatch), Store(AsyncRedis(port=redis_port), SCRIPTS, deadline=30.0)
    await store.execute("PING")
    asked = asyncio.create_task(store.execute("PING"))
    # It asks, then its group goes out.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.ahead += 45.0
    assert await asked
    await store.aclose()


async def test_a_redis_that_is_silent_is_given_up_at_the_deadline(
    redis_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, store = LoopClock(monkeypatch), Store(AsyncRedis(port=redis_port), SCRIPTS, deadline=30.0)
    asked = [asyncio.create_task(store.execute("BLPOP", "nothing", 0)) for _call in range(2)]
    async with AsyncRedis(port=redis_port) as other:
        while not (await other.info("clients"))["blocked_clients"]:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
    clock.ahead += 30.0
    for call in asked:
        with pytest.raises(StoreUnavailable):
            await call
    assert await store.execute("PING")
    await store.aclose()
