"""How much of Redis conversations may take, on a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from tests.redis_server import running_redis

from ai_engine.conversations import UNBOUNDED_BYTES, Conversations, SessionSettings, Stored, decode_turn, max_memory
from ai_engine.limits import SCRIPTS
from ai_engine.providers.base import Turn
from ai_engine.store import Store

Start = Callable[..., AbstractAsyncContextManager[Any]]

SESSION = {"X-Session-Id": "s"}


@pytest.fixture
async def store(redis_port: int) -> AsyncIterator[Store]:
    made = Store(AsyncRedis(port=redis_port), SCRIPTS)
    yield made
    await made.aclose()


async def say(kept: Conversations, session: str, text: str, *, tenant: str = "acme", turn: str = "") -> Stored:
    return await kept.keep(tenant, session, turn or text, (Turn("user", text),), durable=False)


def texts(redis: "Redis", session: str = "s", tenant: str = "acme") -> int:
    return redis.llen(f"optimus:session:{tenant}:{session}")


async def test_the_oldest_entries_of_a_conversation_go_when_it_grows_too_large(store: Store, redis: "Redis") -> None:
    kept = Conversations(store, SessionSettings(max_bytes=3000))
    told = [await say(kept, "s", f"{number}{'x' * 1000}") for number in range(4)]
    assert [one.trimmed for one in told] == [0, 0, 1, 1]
    assert all(one.kept for one in told)
    assert [decode_turn(str(entry)).content[0] for entry in redis.lrange("optimus:session:acme:s", 0, -1)] == ["2", "3"]


async def test_a_turn_that_is_larger_than_a_conversation_may_be_changes_nothing(store: Store, redis: "Redis") -> None:
    kept = Conversations(store, SessionSettings(max_bytes=3000))
    await say(kept, "s", "first")
    before = redis.dbsize()
    assert await say(kept, "s", "x" * 4000) == Stored(kept=False)
    assert await say(kept, "new", "x" * 4000) == Stored(kept=False)
    assert (texts(redis), redis.dbsize()) == (1, before)


@pytest.mark.parametrize("bounds", [SessionSettings(max_sessions=3), SessionSettings(total_bytes=6000)])
async def test_the_conversations_that_rested_longest_go(store: Store, redis: "Redis", bounds: SessionSettings) -> None:
    kept = Conversations(store, bounds)
    await kept.look()
    await say(kept, "theirs", "x" * 1000, tenant="globex")
    for session in ("a", "b", "c"):
        assert (await say(kept, session, f"{session}{'x' * 1000}")).evicted == 0
        await asyncio.sleep(0.002)
    await say(kept, "a", "again")
    await asyncio.sleep(0.002)
    assert (await say(kept, "d", "d" * 1000)).evicted == 1
    assert [texts(redis, session) for session in "abcd"] == [2, 0, 1, 1]
    assert texts(redis, "theirs", "globex") == 1
    assert not redis.exists("optimus:session:acme:b:turn")


async def test_a_conversation_of_an_earlier_version_is_counted_when_it_goes_on(store: Store, redis: "Redis") -> None:
    redis.rpush("optimus:session:acme:s", *["x" * 1000] * 3)
    kept = Conversations(store, SessionSettings(max_bytes=3000))
    assert (await say(kept, "s", "new")).trimmed == 1
    assert 2000 < int(str(redis.hget("optimus:session-bytes:acme", ""))) < 4000


async def test_a_conversation_that_ran_out_no_longer_counts(store: Store, redis: "Redis") -> None:
    kept = Conversations(store, SessionSettings())
    await say(kept, "old", "a")
    redis.zadd("optimus:sessions:acme", {"old": 1})
    assert await say(kept, "new", "b") == Stored()
    assert redis.hkeys("optimus:session-bytes:acme") == ["", "new"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2500), st.booleans()), max_size=25))
async def test_the_count_is_that_of_what_is_there(
    redis_port: int, redis: "Redis", said: list[tuple[str, int, bool]]
) -> None:
    redis.flushall()
    store = Store(AsyncRedis(port=redis_port), SCRIPTS)
    kept = Conversations(store, SessionSettings(max_messages=4, max_bytes=5000, max_sessions=4, total_bytes=9000))
    await kept.look()
    for number, (session, length, again) in enumerate(said):
        for _ in range(1 + again):
            await say(kept, session, "x" * length, turn=str(number))
    await store.aclose()
    sizes = {str(name): int(size) for name, size in redis.hgetall("optimus:session-bytes:acme").items()}
    names = {name for name in sizes if name}
    assert sizes.get("", 0) == sum(sizes[name] for name in names) <= 9000
    assert names == set(map(str, redis.zrange("optimus:sessions:acme", 0, -1)))
    keys = {str(key).split(":")[-1] for key in redis.keys("optimus:session:acme:*") if not str(key).endswith(":turn")}
    assert keys == names
    for name in names:
        length = sum(len(entry) for entry in redis.lrange(f"optimus:session:acme:{name}", 0, -1))
        assert length <= sizes[name]


async def test_all_tenants_together_may_take_two_fifths_of_what_redis_has(store: Store, redis: "Redis") -> None:
    kept = Conversations(store, SessionSettings(), lambda: 2)
    assert kept.share == UNBOUNDED_BYTES // 2
    redis.config_set("maxmemory", "100mb")
    try:
        await kept.look()
        assert kept.share == 20 << 20
        small = Conversations(store, SessionSettings(total_bytes=1 << 20), lambda: 2)
        await small.look()
        assert small.share == 1 << 19
    finally:
        redis.config_set("maxmemory", "0")


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        (b"# Memory\r\nmaxmemory:1048576\r\nmaxmemory_human:1.00M\r\n", 1 << 20),
        ({"maxmemory": 5}, 5),
        ({"maxmemory": "much"}, 0),
        ("maxmemory:-1", 0),
        ("nothing", 0),
        (None, 0),
    ],
)
def test_an_answer_of_another_form_is_no_bound(answer: object, most: int) -> None:
    assert max_memory(answer) == most


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[int]:
    with running_redis(tmp_path, "--maxmemory", "24mb") as port:
        yield port


async def test_where_memory_is_short_a_question_is_answered_and_nothing_half_written(
    start: Start, redis: "Redis"
) -> None:
    async with start() as replica:
        assert (await replica.ask("first", headers=SESSION)).headers["X-Session-Messages"] == "0"
        before = redis.dump("optimus:session:acme:s")
        redis.config_set("maxmemory", "1")
        try:
            whole = await replica.ask("second", headers=SESSION)
            stream = await replica.ask("third", headers={"X-Session-Id": "new"}, stream=True)
        finally:
            redis.config_set("maxmemory", "0")
    assert (whole.status_code, whole.headers["X-Session-Stored"]) == (200, "false")
    assert whole.headers["X-Session-Messages"] == "2"
    assert stream.status_code == 200
    assert ": X-Session-Stored: false\n\n" in stream.text
    assert redis.dump("optimus:session:acme:s") == before
    assert not redis.keys("optimus:session:acme:new*")
    assert redis.zcard("optimus:slots:acme") == 0


async def test_a_tenant_that_fills_its_part_costs_the_other_nothing(start: Start, small_redis: int) -> None:
    large = [{"role": "user", "content": "x" * 225_000}] * 4
    async with start(REDIS_URL=f"redis://127.0.0.1:{small_redis}/0") as replica:
        await asyncio.sleep(0.1)
        await replica.ask("theirs", "globex", headers=SESSION)
        told = [await replica.ask(messages=large, headers={"X-Session-Id": f"s{number}"}) for number in range(40)]
        theirs = await replica.ask("still here", "globex", headers=SESSION)
    with Redis(port=small_redis) as client:
        assert client.info("memory")["used_memory"] < 18 << 20
    assert {answer.status_code for answer in told} == {200}
    assert [answer.headers.get("X-Sessions-Evicted") for answer in told][-1] == "1"
    assert not any("X-Session-Stored" in answer.headers for answer in told)
    assert theirs.headers["X-Session-Messages"] == "2"
    assert "X-Session-Stored" not in theirs.headers
