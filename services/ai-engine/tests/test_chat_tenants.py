"""Conversations and limits of tenants through HTTP, on a real Redis."""

import asyncio
import json
from typing import Any

from redis import Redis


async def test_any_replica_continues_a_conversation(start: Any) -> None:
    session = {"headers": {"X-Session-Id": "s.1"}}
    async with start() as one, start() as other:
        await one.ask("first", **session)
        streamed = await other.ask("second", stream=True, **session)
        third = await one.ask("third", **session)
        stranger = await other.ask("mine", tenant="globex", **session)
        alone = await other.ask("alone")
    assert "Turn" in streamed.text
    assert third.json()["choices"][0]["message"]["content"] == "Turn 3. You said: third"
    assert third.headers["x-session-id"] == "s.1"
    assert stranger.json()["choices"][0]["message"]["content"] == "Turn 1. You said: mine"
    assert alone.json()["choices"][0]["message"]["content"] == "Turn 1. You said: alone"


async def test_turns_at_once_are_kept_whole(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        asks = (
            replica.ask(f"question {number}", model="embedded/5", headers={"X-Session-Id": "s"})
            for number in range(8)
            for replica in (one, other)
        )
        await asyncio.gather(*asks)
    entries = [json.loads(str(entry)) for entry in redis.lrange("optimus:session:acme:s", 0, -1)]
    assert [entry["role"] for entry in entries] == ["user", "assistant"] * 16
    for user, assistant in zip(entries[::2], entries[1::2], strict=True):
        assert assistant["content"].endswith(user["content"])


async def test_a_conversation_is_bounded_and_ends(start: Any, redis: "Redis") -> None:
    async with start(SESSION_MAX_MESSAGES="4", SESSION_TTL="100") as replica:
        for number in range(4):
            await replica.ask(f"q{number}", headers={"X-Session-Id": "s"})
    assert redis.llen("optimus:session:acme:s") == 4
    assert 0 < int(str(redis.ttl("optimus:session:acme:s"))) <= 100


async def test_a_client_is_told_when_a_turn_it_wants_kept_for_certain_may_be_lost(start: Any) -> None:
    async with start(REDIS_WAIT_REPLICAS="1", REDIS_WAIT_SECONDS="0.01") as replica:
        marked = await replica.ask("q", headers={"X-Session-Id": "s", "X-Session-Durable": "true"})
        plain = await replica.ask("q", headers={"X-Session-Id": "s"})
    assert (marked.status_code, marked.headers.get("X-Session-Stored")) == (200, "false")
    assert (plain.status_code, plain.headers.get("X-Session-Stored")) == (200, None)


async def test_the_instructions_of_a_request_are_not_kept(start: Any, redis: "Redis") -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    async with start() as replica:
        await replica.ask(messages=messages, headers={"X-Session-Id": "s"})
    roles = [json.loads(str(entry))["role"] for entry in redis.lrange("optimus:session:acme:s", 0, -1)]
    assert roles == ["user", "assistant"]


async def test_over_the_rate_the_answer_says_when_to_come_back(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        answers = [await replica.ask(tenant="slow") for replica in (one, other, one)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) in range(1, 61)
    assert answers[2].headers["x-ratelimit-remaining-requests"] == "0"
    assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert redis.hgetall("optimus:counts:slow") == {
        "requests": "2",
        "rejected": "1",
        "messages_in": "2",
        "messages_out": "2",
        "tokens": "14",
    }


async def test_a_message_is_counted_once_however_often_it_is_sent(start: Any, redis: "Redis") -> None:
    def said(role: str, content: str) -> dict[str, str]:
        return {"role": role, "content": content}

    resent = [said("user", "a"), said("assistant", "b"), said("user", "c")]
    async with start() as replica:
        await replica.ask(messages=resent[:1])
        await replica.ask(messages=resent, stream=True)
        await replica.ask("from the queue", headers={"X-Messages-Counted": "true"})
    counts = redis.hgetall("optimus:counts:acme")
    assert (counts["requests"], counts["messages_in"], counts["messages_out"]) == ("3", "2", "2")


async def test_requests_at_once_are_bounded_and_slots_come_back(start: Any, redis: "Redis") -> None:
    async with start() as one, start() as other:
        long = asyncio.create_task(one.ask(tenant="single", model="embedded/60000"))
        await taken(redis, "optimus:slots:single")
        refused = await other.ask(tenant="single")
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        after = [await other.ask(tenant="single") for _ in range(3)]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "concurrency_limit_exceeded")
    assert refused.headers["retry-after"] == "1"
    assert [answer.status_code for answer in after] == [200] * 3
    assert redis.zcard("optimus:slots:single") == 0


async def taken(redis: "Redis", slots: str) -> None:
    """Return once a request holds a slot."""
    for _ in range(2000):
        if redis.zcard(slots):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("no request was admitted")


async def test_the_slot_of_a_crashed_replica_comes_back(start: Any, redis: "Redis") -> None:
    redis.zadd("optimus:slots:single", {"left-behind": 1_000})
    async with start() as replica:
        answer = await replica.ask(tenant="single")
    assert answer.status_code == 200


async def test_scripts_are_loaded_again_after_a_failover(start: Any, redis: "Redis") -> None:
    async with start() as replica:
        before = await replica.ask()
        redis.script_flush()
        after = await replica.ask()
    assert (before.status_code, after.status_code) == (200, 200)


async def test_without_the_store_nothing_is_admitted(start: Any) -> None:
    async with start(REDIS_URL="redis://127.0.0.1:9/0") as replica:
        answer = await replica.ask()
        health = await replica.client.get("/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert (health.status_code, health.json()["failed"]) == (503, ["redis"])
