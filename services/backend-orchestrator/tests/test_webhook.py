import json
from pathlib import Path
from typing import cast

import httpx
import pytest
from redis.asyncio import Redis

from backend_orchestrator import keys
from backend_orchestrator.app import build_app
from backend_orchestrator.consumer import Consumer
from backend_orchestrator.messages import decode
from backend_orchestrator.signature import sign
from backend_orchestrator.waiting import waiting

HANDSHAKE = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1158201444"}


def body(*message_ids: str, number: str = "100000000000001") -> bytes:
    messages = [{"id": name, "from": "5511", "type": "text", "text": {"body": "hi"}} for name in message_ids]
    value = {"metadata": {"phone_number_id": number}, "messages": messages}
    return json.dumps({"entry": [{"changes": [{"value": value}]}]}).encode()


async def deliver(client: httpx.AsyncClient, content: bytes, signed_with: str = "new") -> httpx.Response:
    return await client.post(
        "/webhooks/whatsapp", content=content, headers={"X-Hub-Signature-256": sign(content, signed_with)}
    )


async def only_entry(redis: Redis, stream: str) -> dict[str, str]:
    ((_, fields),) = cast("list[tuple[str, dict[str, str]]]", await redis.xrange(stream))
    return fields


async def test_a_message_that_might_be_lost_is_asked_for_again(environ: dict[str, str], redis: Redis) -> None:
    app = build_app(environ | {"REDIS_WAIT_REPLICAS": "1", "REDIS_WAIT_SECONDS": "0.01"})
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        answers = [await deliver(client, body("wamid.1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert await redis.xlen(keys.INBOUND) == 1


async def test_the_handshake_returns_the_challenge(client: httpx.AsyncClient) -> None:
    answer = await client.get("/webhooks/whatsapp", params=HANDSHAKE)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("change", [{"hub.verify_token": "wrong"}, {"hub.mode": "x"}, {"hub.verify_token": ""}])
async def test_another_handshake_is_refused(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    answer = await client.get("/webhooks/whatsapp", params=HANDSHAKE | change)
    assert answer.status_code == 403
    assert "1158201444" not in answer.text


async def test_a_signed_message_is_queued_for_the_numbers_tenant(client: httpx.AsyncClient, redis: Redis) -> None:
    content = body("wamid.1", number="100000000000002")
    answer = await deliver(client, content)
    assert answer.json() == {"queued": 1, "duplicates": 0, "ignored": 0}
    queued = decode(await only_entry(redis, keys.INBOUND))
    assert (queued.tenant, queued.message_id, queued.text) == ("globex", "wamid.1", "hi")
    assert queued.request_id == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("secret", ["old", "new"])
async def test_each_secret_of_a_list_is_good(client: httpx.AsyncClient, secret: str) -> None:
    assert (await deliver(client, body("m"), secret)).status_code == 200


async def test_both_secrets_of_a_rotation_are_good_and_counted_apart(environ: dict[str, str], redis: Redis) -> None:
    del redis  # emptied by then
    folder = Path(environ["SECRETS_DIR"])
    (folder / "WHATSAPP_APP_SECRET_SECONDARY").write_text("next")
    (folder / "WHATSAPP_VERIFY_TOKEN_SECONDARY").write_text("other")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(build_app(environ)), base_url="http://service"
    ) as client:
        for number, secret in enumerate(("old", "new", "next", "wrong")):
            answer = await deliver(client, body(str(number)), secret)
            assert answer.status_code == (401 if secret == "wrong" else 200)
        for token in ("verify", "other"):
            answer = await client.get("/webhooks/whatsapp", params=HANDSHAKE | {"hub.verify_token": token})
            assert answer.status_code == 200
        metrics = (await client.get("/metrics")).text
    assert 'optimus_webhook_signature_matches_total{secret="primary"} 2.0' in metrics
    assert 'optimus_webhook_signature_matches_total{secret="secondary"} 1.0' in metrics


async def test_the_counters_of_signatures_are_there_before_the_first(client: httpx.AsyncClient) -> None:
    metrics = (await client.get("/metrics")).text
    for secret in ("primary", "secondary"):
        assert f'optimus_webhook_signature_matches_total{{secret="{secret}"}} 0.0' in metrics


@pytest.mark.parametrize("headers", [{}, {"X-Hub-Signature-256": sign(b"other", "new")}, {"X-Hub-Signature-256": "x"}])
async def test_an_unsigned_message_is_refused(client: httpx.AsyncClient, redis: Redis, headers: dict[str, str]) -> None:
    answer = await client.post("/webhooks/whatsapp", content=body("m"), headers=headers)
    assert answer.status_code == 401
    assert await redis.exists(keys.INBOUND) == 0


async def test_a_notification_repeated_with_more_in_it_queues_only_the_new(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    await deliver(client, body("a"))
    answer = await deliver(client, body("a", "b", "b"))
    assert answer.json() == {"queued": 1, "duplicates": 2, "ignored": 0}
    assert await redis.xlen(keys.INBOUND) == 2


async def test_what_is_nobodys_is_acknowledged_and_counted(client: httpx.AsyncClient) -> None:
    answer = await deliver(client, body("m", number="999"))
    assert (answer.status_code, answer.json()["ignored"]) == (200, 1)
    assert 'optimus_webhook_items_total{outcome="unknown_number"} 1.0' in (await client.get("/metrics")).text


async def test_signed_nonsense_is_a_bad_request(client: httpx.AsyncClient) -> None:
    for content in (b"{", b"\xff", b"[" * 50_000):
        assert (await deliver(client, content)).status_code == 400


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await deliver(client, b" " * 131_073)).status_code == 413


async def test_a_call_may_be_larger_than_other_requests(client: httpx.AsyncClient) -> None:
    answer = await deliver(client, body("m") + b" " * 100_000)
    assert (answer.status_code, answer.json()["queued"]) == (200, 1)
    assert (await client.post("/v1/messages", content=b" " * 65_537)).status_code == 413


async def test_half_a_surrogate_pair_costs_neither_its_message_nor_those_behind_it(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    content = body("a", "b", "c").replace(b'"hi"', b'"hi \\ud800"', 1).replace(b'"hi"', b'"\\udfff"', 1)
    answer = await deliver(client, content)
    assert (answer.status_code, answer.json()["queued"]) == (200, 3)
    texts = [fields["text"] for _, fields in cast("list[tuple[str, dict[str, str]]]", await redis.xrange(keys.INBOUND))]
    assert texts == ["hi \ufffd", "\ufffd", "hi"]


async def test_an_integer_too_long_to_read_costs_no_call(client: httpx.AsyncClient) -> None:
    content = body("m").replace(b'"metadata"', b'"extra": ' + b"9" * 5000 + b', "metadata"')
    assert (await deliver(client, content)).json()["queued"] == 1


def two_tenants(first: int, second: int) -> bytes:
    calls = [json.loads(body(*(f"a{number}" for number in range(first))))]
    calls.append(json.loads(body(*(f"g{number}" for number in range(second)), number="100000000000002")))
    return json.dumps({"entry": [entry for call in calls for entry in call["entry"]]}).encode()


@pytest.fixture
async def lanes(redis: Redis) -> None:
    """As after the first worker: messages wait in lanes, where tenants' limits hold."""
    consumer = Consumer(redis, redis, "one", 3600)
    await consumer.join()
    await consumer.tick(2, 1)


@pytest.mark.usefixtures("lanes")
async def test_what_one_tenant_may_not_queue_keeps_back_no_others(client: httpx.AsyncClient, redis: Redis) -> None:
    answer = await deliver(client, two_tenants(7, 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "tenant_queue_full")
    assert int(answer.headers["Retry-After"]) > 0
    found = await waiting(redis)
    assert {name: there.messages for name, there in found.items()} == {"acme": 5, "globex": 1}
    metrics = (await client.get("/metrics")).text
    assert 'optimus_webhook_items_total{outcome="refused"} 2.0' in metrics


@pytest.mark.usefixtures("lanes")
async def test_a_call_that_was_refused_in_part_is_completed_when_it_is_sent_again(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    consumer = Consumer(redis, redis, "one", 3600)
    content = body(*(f"m{number}" for number in range(7)))
    assert (await deliver(client, content)).status_code == 429
    (delivery,) = await consumer.take(1)
    await consumer.finish(delivery, decode(delivery.fields), "hi", to_outbox=False)
    await deliver(client, content)
    assert (await waiting(redis))["acme"].messages == 5
    assert await redis.hget(keys.counts("acme"), "messages_in") == "6"


async def test_one_call_queues_only_so_many_and_asks_for_the_rest(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_orchestrator.webhook.MAX_NEW_MESSAGES", 2)
    content = body("a", "b", "c", "d", "e")
    assert [(await deliver(client, content)).status_code for _ in range(3)] == [503, 503, 200]


async def test_somebody_whose_user_name_hides_the_number_is_answered(client: httpx.AsyncClient, redis: Redis) -> None:
    content = body("m").replace(b'"from": "5511"', b'"from": "", "from_user_id": "BR.13491208655302741918"')
    assert (await deliver(client, content)).json()["queued"] == 1
    assert (await only_entry(redis, keys.INBOUND))["sender"] == "BR.13491208655302741918"


async def test_without_redis_it_asks_to_be_told_again(environ: dict[str, str]) -> None:
    app = build_app(environ | {"REDIS_URL": "redis://nowhere.invalid:1/0"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answer = await deliver(client, body("m"))
        health = await client.get("/health")
    assert answer.status_code == 503
    assert "nowhere" not in answer.text
    assert (health.status_code, health.json()["failed"]) == (503, ["redis"])


async def test_without_an_app_secret_nothing_is_taken(environ: dict[str, str]) -> None:
    (Path(environ["SECRETS_DIR"]) / "WHATSAPP_APP_SECRET").unlink()
    app = build_app(environ)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        assert (await deliver(client, body("m"), "")).status_code == 503
