"""Spans of Redis commands: one for what a caller asks for, whatever it takes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from tests.redis_server import running_redis
from tests.support.span_recorder import KeptSpan, recording_spans

from optimus_kit.redis.command_spans import RecordedRedis
from optimus_kit.redis.scripts import BoundScript, Script
from optimus_kit.trace_context import new_span_id, new_trace_id
from optimus_kit.tracing import span

SECRET = "t0p-secret"
SCRIPT = Script("#!lua flags=no-cluster\nreturn redis.call('SET', KEYS[1], ARGV[1])")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator["Redis"]:
    with running_redis(tmp_path) as port:
        async with RecordedRedis(port=port) as client:
            yield client


@pytest.fixture
def spans() -> Iterator[list[KeptSpan]]:
    with recording_spans() as spans:
        yield spans


def commands(spans: list[KeptSpan]) -> list[tuple[str, dict[str, Any], str]]:
    found = [kept for kept in spans if kept.name != "request"]
    assert all(kept.kind == "client" and kept.ends == 1 for kept in found)
    assert SECRET not in str(found)
    return [(kept.name, {**kept.attributes}, kept.failed) for kept in found]


def redis_span(name: str, **more: Any) -> tuple[str, dict[str, Any], str]:
    return name, {"db.system.name": "redis", "db.operation.name": name, **more}, ""


async def test_a_command_is_a_span_without_its_arguments(redis: "Redis", spans: list[KeptSpan]) -> None:
    with span("request") as request:
        assert await redis.set(SECRET, SECRET)
    assert commands(spans) == [redis_span("SET")]
    assert spans[1].parent == request.context


async def test_a_script_is_one_span_also_where_redis_has_to_be_given_it(redis: "Redis", spans: list[KeptSpan]) -> None:
    script = BoundScript(redis, SCRIPT)
    with span("request"):
        await script([SECRET], [SECRET])
        await script([SECRET], [SECRET])
    assert commands(spans) == [redis_span("EVALSHA"), redis_span("EVALSHA")]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["GET"], redis_span("GET")),
        (["GET", "GET"], redis_span("PIPELINE GET", **{"db.operation.batch.size": 2})),
        (["GET", "TTL"], redis_span("PIPELINE", **{"db.operation.batch.size": 2})),
    ],
)
async def test_a_pipeline_is_one_span(
    redis: "Redis", spans: list[KeptSpan], names: list[str], expected: tuple[str, dict[str, Any], str]
) -> None:
    with span("request"):
        async with redis.pipeline(transaction=False) as steps:
            for name in names:
                (steps.get if name == "GET" else steps.ttl)(SECRET)
            assert len(await steps.execute()) == len(names)
    assert commands(spans) == [expected]


async def test_an_empty_pipeline_is_none(redis: "Redis", spans: list[KeptSpan]) -> None:
    with span("request"):
        async with redis.pipeline() as steps:
            assert await steps.execute() == []
    assert commands(spans) == []


async def test_a_command_that_fails_marks_its_span(redis: "Redis", spans: list[KeptSpan]) -> None:
    with span("request"), pytest.raises(ResponseError):
        await redis.set(SECRET, SECRET, ex=-1)
    [(name, _, failed)] = commands(spans)
    assert (name, failed) == ("SET", "ResponseError")


async def test_without_a_recorded_request_there_is_no_span(redis: "Redis", spans: list[KeptSpan]) -> None:
    await redis.set("a", "b")
    with span("request", parent=f"00-{new_trace_id()}-{new_span_id()}-00"):
        await redis.set("a", "b")
        async with redis.pipeline() as steps:
            steps.get("a")
            assert await steps.execute() == [b"b"]
    assert spans == []
