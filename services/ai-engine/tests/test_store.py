"""Which calls go out together."""

import asyncio
from typing import Any, cast

import pytest
from redis.asyncio import Redis as AsyncRedis

from ai_engine.limits import RENEW, SCRIPTS
from ai_engine.store import MAX_GROUP, MAX_LARGE, Store

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
