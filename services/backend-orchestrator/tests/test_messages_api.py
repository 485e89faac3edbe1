from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from backend_orchestrator import keys

ACME = {"Authorization": "Bearer acme-key"}
GLOBEX = {"Authorization": "Bearer globex-key"}
MESSAGE = {"from": "ana", "text": "hello", "message_id": "order/1+2="}


async def test_a_message_is_queued_and_its_state_told(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/messages", json=MESSAGE, headers=ACME)
    assert (answer.status_code, answer.json()) == (202, {"message_id": "order/1+2=", "status": "queued"})
    state = await client.get("/v1/messages/order/1+2=", headers=ACME)
    assert state.json() == {"message_id": "order/1+2=", "status": "queued", "attempts": 0}


async def test_an_answer_is_told(client: httpx.AsyncClient, redis: Redis) -> None:
    await client.post("/v1/messages", json=MESSAGE, headers=ACME)
    await redis.hset(keys.state("acme", "order/1+2="), mapping={"status": "answered", "reply": "hi", "attempts": 2})
    state = (await client.get("/v1/messages/order/1+2=", headers=ACME)).json()
    assert state == {"message_id": "order/1+2=", "status": "answered", "reply": "hi", "attempts": 2}


async def test_the_same_id_is_queued_once(client: httpx.AsyncClient, redis: Redis) -> None:
    for _ in range(3):
        assert (await client.post("/v1/messages", json=MESSAGE, headers=ACME)).status_code == 202
    assert await redis.xlen(keys.INBOUND) == 1


async def test_messages_without_an_id_are_each_their_own(client: httpx.AsyncClient, redis: Redis) -> None:
    for _ in range(2):
        await client.post("/v1/messages", json={"from": "ana", "text": "hello"}, headers=ACME)
    assert await redis.xlen(keys.INBOUND) == 2


async def test_tenants_do_not_see_each_others_messages(client: httpx.AsyncClient, redis: Redis) -> None:
    await client.post("/v1/messages", json=MESSAGE, headers=ACME)
    assert (await client.get("/v1/messages/order/1+2=", headers=GLOBEX)).status_code == 404
    await client.post("/v1/messages", json=MESSAGE, headers=GLOBEX)
    assert await redis.xlen(keys.INBOUND) == 2


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_key_is_wanted(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/v1/messages", json=MESSAGE, headers=headers)).status_code == 401
    assert (await client.get("/v1/messages/x", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": "x" * 8193},
        {"text": None},
        {"from": "a b"},
        {"from": ""},
        {"from": "x" * 161},
        {"message_id": ""},
        {"message_id": "é"},
        {"message_id": "x" * 257},
        {"other": 1},
    ],
)
async def test_a_bad_message_is_named(client: httpx.AsyncClient, redis: Redis, change: dict[str, Any]) -> None:
    answer = await client.post("/v1/messages", json=MESSAGE | change, headers=ACME)
    assert answer.status_code == 400
    (field,) = change
    assert answer.json()["error"]["message"].startswith(field)
    assert await redis.exists(keys.INBOUND) == 0


async def test_a_tenant_that_sends_too_fast_is_asked_to_wait(client: httpx.AsyncClient, redis: Redis) -> None:
    answers = [await client.post("/v1/messages", json={"from": "ana", "text": "x"}, headers=ACME) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert answers[-1].headers["Retry-After"] == "1"
    assert await redis.xlen(keys.INBOUND) == 5
    assert (await client.post("/v1/messages", json=MESSAGE, headers=GLOBEX)).status_code == 202


async def test_a_tenant_of_which_too_many_messages_wait_is_asked_to_wait(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    await redis.set(keys.LANES, "1")
    await redis.hset(keys.COUNT, mapping={"acme": 5, keys.ALL: 5})
    answer = await client.post("/v1/messages", json=MESSAGE, headers=ACME)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "tenant_queue_full")
    assert (await client.post("/v1/messages", json=MESSAGE, headers=GLOBEX)).status_code == 202


async def test_half_a_surrogate_pair_is_no_error_of_ours(client: httpx.AsyncClient) -> None:
    content = b'{"from": "ana", "text": "hi \\ud800"}'
    headers = ACME | {"Content-Type": "application/json"}
    assert (await client.post("/v1/messages", content=content, headers=headers)).status_code in {202, 400}
