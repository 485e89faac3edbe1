"""What one tenant does to Redis, and what the other one notices of it."""

from collections.abc import Iterator

import httpx
import pytest
from redis import Redis
from tests.e2e.asking import deliver, notification, question, state_once, unique
from tests.e2e.driven import OwnPlatform

MAXMEMORY = 48 << 20
LARGE = [{"role": "user", "content": "x" * 240_000}] * 4
"""A turn of nearly a megabyte."""


@pytest.fixture
def store(own_platform: OwnPlatform) -> Iterator[Redis]:
    """The store, with little memory; what the tenants kept goes afterwards."""
    with Redis.from_url(own_platform.redis_url, decode_responses=True) as client:
        client.config_set("maxmemory", MAXMEMORY)
        try:
            yield client
        finally:
            client.config_set("maxmemory", 0)
            for key in client.scan_iter("optimus:session*", count=1000):
                client.delete(key)


def test_a_tenant_whose_conversations_fill_their_part_costs_the_other_nothing(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    with own_platform.launcher.running("ai_engine", "ai-engine-attacked", MEMORY_ENGINE_URL="") as engine:
        engine.wait_until_up()

        def chat(tenant: str, session: str, **body: object) -> httpx.Response:
            headers = own_platform.bearer(tenant) | {"X-Session-Id": session}
            return http.post(f"{engine.url}/v1/chat/completions", json=question("hello") | body, headers=headers)

        theirs, message_id = unique("theirs"), unique("wamid")
        chat("globex", theirs)
        attack = [chat("acme", unique("attack"), messages=LARGE) for _ in range(2 * MAXMEMORY // 10**6)]
        assert {answer.status_code for answer in attack} == {200}
        assert not any("X-Session-Stored" in answer.headers for answer in attack)
        assert attack[-1].headers["X-Sessions-Evicted"] == "1"
        assert int(store.info("memory")["used_memory"]) < MAXMEMORY

        delivered = deliver(http, own_platform, notification(message_id, "hello", "globex"))
        assert (delivered.status_code, delivered.json()["queued"]) == (200, 1)
        state_once(http, own_platform, message_id, "answered", "globex")
        again = chat("globex", theirs)
        assert again.headers["X-Session-Messages"] == "2"
        assert "X-Session-Stored" not in again.headers


def test_where_redis_is_full_chats_go_on_and_the_webhook_asks_to_be_called_again(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    session, message_id = unique("full"), unique("wamid")
    headers = own_platform.bearer("acme") | {"X-Session-Id": session}
    store.config_set("maxmemory", 1)
    asked = http.post(f"{own_platform.ai_engines[0]}/v1/chat/completions", json=question("hello"), headers=headers)
    refused = deliver(http, own_platform, notification(message_id, "hello"))
    assert (asked.status_code, asked.headers["X-Session-Stored"]) == (200, "false")
    assert refused.status_code == 503
    assert not store.keys(f"*{session}*")
    assert not store.keys(f"*{message_id}*")
    store.config_set("maxmemory", MAXMEMORY)
    assert deliver(http, own_platform, notification(message_id, "hello")).json()["queued"] == 1
    state_once(http, own_platform, message_id, "answered", "acme")
