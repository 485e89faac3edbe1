"""Scripts on a real redis-server whose memory is short, and on one that does not know their flags."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from tests.redis_server import running_redis

from optimus_kit.redis import NotReplicatedError, run_durably
from optimus_kit.redis.scripts import BoundScript, Script, digest
from optimus_kit.settings import Durability

TAKES = Script("#!lua flags=no-cluster\nredis.call('SET', KEYS[1], 'x') return redis.call('DEL', KEYS[2])")
ENDS = Script("#!lua flags=no-cluster,allow-oom\nredis.call('DEL', KEYS[2]) redis.call('SET', KEYS[1], 'x') return 1")
KEYS = ("taken", "held")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator["Redis"]:
    with running_redis(tmp_path) as port:
        async with Redis(port=port, decode_responses=True) as client:
            await client.set("held", "y")
            yield client


async def test_a_script_that_takes_something_in_is_refused_where_memory_is_short(redis: "Redis") -> None:
    await redis.config_set("maxmemory", "1")
    with pytest.raises(ResponseError, match="OOM"):
        await BoundScript(redis, TAKES)(KEYS)
    assert await redis.get("held") == "y"


async def test_a_script_that_ends_something_goes_on_where_memory_is_short(redis: "Redis") -> None:
    await redis.config_set("maxmemory", "1")
    assert await BoundScript(redis, ENDS)(KEYS) == 1


@pytest.mark.parametrize("durability", [None, Durability(0), Durability(1, 0.01)])
async def test_a_server_that_lost_a_script_is_given_it_again(redis: "Redis", durability: Durability | None) -> None:
    taken = BoundScript(redis, TAKES)
    for _ in range(2):
        if durability is None:
            assert await taken(KEYS) in {0, 1}
        elif durability.replicas:
            with pytest.raises(NotReplicatedError, match="0 of 1 replicas"):
                await run_durably(taken, KEYS, (), durability)
        else:
            await run_durably(taken, KEYS, (), durability)
        assert await redis.get("taken") == "x"
        await redis.script_flush()


async def test_redis_is_given_the_flags_if_it_knows_them(redis: "Redis") -> None:
    taken = BoundScript(redis, TAKES)
    await taken(KEYS)
    knows = int(str((await redis.info("server"))["redis_version"]).partition(".")[0]) >= 7
    assert taken.digest == TAKES.forms[0 if knows else 1][1]


async def test_a_script_that_no_form_saves_is_an_error(redis: "Redis") -> None:
    with pytest.raises(ResponseError):
        await BoundScript(redis, Script("#!lua flags=no-cluster\nthis is no Lua"))(KEYS)


@pytest.mark.parametrize("text", ["return 1", "#!lua\nreturn 1", "-- what it does\n#!lua flags=no-cluster\nreturn 1"])
def test_a_script_without_flags_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="first line"):
        Script(text)


def test_a_library_comes_behind_the_flags() -> None:
    made = Script.of("#!lua flags=no-cluster\nreturn f()", "local function f() return 1 end\n")
    assert made.text == "#!lua flags=no-cluster\nlocal function f() return 1 end\nreturn f()"
    assert made.digest == digest(made.text)
