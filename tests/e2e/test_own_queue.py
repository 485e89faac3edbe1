"""The queue seen from inside: outbox, dead letters, workers that come and go."""

from collections.abc import Iterator

import httpx
import pytest
from redis import Redis
from tests.e2e.asking import deliver, notification, state_once, together, unique
from tests.e2e.driven import OwnPlatform, until


@pytest.fixture
def store(own_platform: OwnPlatform) -> Iterator[Redis]:
    with Redis.from_url(own_platform.redis_url, decode_responses=True) as client:
        yield client


def entries(store: Redis, stream: str, message_id: str) -> list[dict[str, str]]:
    """The entries of a stream that are about a message."""
    found: list[tuple[str, dict[str, str]]] = store.xrange(stream)  # type: ignore[assignment]  # decoded
    return [fields for _, fields in found if fields.get("message_id") == message_id]


def test_a_message_delivered_thrice_is_answered_exactly_once(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    message_id, marker = unique("wamid"), unique("wamid")
    for _ in range(3):
        deliver(http, own_platform, notification(message_id, "hello"))
    state_once(http, own_platform, message_id, "answered", "acme")
    deliver(http, own_platform, notification(message_id, "hello"))
    # Queued later, so answered when whatever the repetitions caused has been dealt with.
    deliver(http, own_platform, notification(marker, "hello"))
    state_once(http, own_platform, marker, "answered", "acme")
    (answer,) = entries(store, "optimus:outbox:acme", message_id)
    assert answer["to"] == "5511999990000"


def test_a_message_that_cannot_be_answered_ends_among_the_dead_letters(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    message_id = unique("lost")
    body = {"from": "ana", "text": "hello", "message_id": message_id}
    http.post(f"{own_platform.backend}/v1/messages", json=body, headers=own_platform.bearer("stranger"))
    state = state_once(http, own_platform, message_id, "dead", "stranger")
    assert state["attempts"] == 3
    (letter,) = entries(store, "optimus:queue:dead", message_id)
    assert "ai-engine answered 401" in letter["reason"]


def test_what_a_killed_worker_had_in_hand_is_answered_by_another(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    slow = {"AI_ENGINE_URL": own_platform.ai_engines[1], "QUEUE_MODEL": "embedded/60000", "QUEUE_CONCURRENCY": "500"}
    ids = [unique("killed") for _ in range(20)]
    with own_platform.launcher.running("backend_orchestrator", "doomed", "worker", **slow) as doomed:
        doomed.wait_until_up()
        for message_id in ids:
            body = {"from": message_id, "text": "hello", "message_id": message_id}
            http.post(f"{own_platform.backend}/v1/messages", json=body, headers=own_platform.bearer("acme"))
        until(lambda: in_hand(store, "doomed") or None)
        doomed.process.kill()
        doomed.process.wait()
    for message_id in ids:
        state_once(http, own_platform, message_id, "answered", "acme")
        assert len(entries(store, "optimus:outbox:acme", message_id)) == 1


def test_a_senders_messages_are_answered_in_order_though_their_worker_is_killed(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    slow = {"AI_ENGINE_URL": own_platform.ai_engines[1], "QUEUE_MODEL": "embedded/60000", "QUEUE_CONCURRENCY": "500"}
    sender, ids = unique("ana"), [unique("order") for _ in range(5)]
    with own_platform.launcher.running("backend_orchestrator", "killed", "worker", **slow) as doomed:
        doomed.wait_until_up()
        # So that the doomed worker has something in hand, of this sender or another.
        for message_id in [*ids, *(unique("beside") for _ in range(20))]:
            name = sender if message_id in ids else message_id
            body = {"from": name, "text": message_id, "message_id": message_id}
            http.post(f"{own_platform.backend}/v1/messages", json=body, headers=own_platform.bearer("acme"))
        until(lambda: in_hand(store, "killed") or None)
        doomed.process.kill()
        doomed.process.wait()
    replies = [state_once(http, own_platform, message_id, "answered", "acme")["reply"] for message_id in ids]
    assert replies == [f"Turn {turn}. You said: {message_id}" for turn, message_id in enumerate(ids, 1)]


def test_a_message_does_not_wait_for_those_of_another_tenant_before_it_in_the_call(
    own_platform: OwnPlatform, http: httpx.Client, store: Redis
) -> None:
    flood, quiet = [unique("flood") for _ in range(400)], unique("quiet")
    calls = [notification(name, "hello", sender=str(number)) for number, name in enumerate(flood)]
    deliver(http, own_platform, together([*calls, notification(quiet, "hello", tenant="globex")]))
    state_once(http, own_platform, quiet, "answered", "globex")
    queued_at = float(str(store.hget(f"optimus:message:globex:{quiet}", "queued_at"))) * 1000
    (answered_at,) = moments(store, "globex", [quiet])
    for message_id in flood:
        state_once(http, own_platform, message_id, "answered", "acme")
    between = [moment for moment in moments(store, "acme", flood) if queued_at < moment < answered_at]
    # Some that were in hand already and some beside it, of the hundreds that wait.
    assert len(between) < 40


def moments(store: Redis, tenant: str, message_ids: list[str]) -> list[int]:
    """When the messages were answered (ms)."""
    found: list[tuple[str, dict[str, str]]] = store.xrange(f"optimus:outbox:{tenant}")  # type: ignore[assignment]
    wanted = set(message_ids)
    return [int(entry.partition("-")[0]) for entry, fields in found if fields["message_id"] in wanted]


def in_hand(store: Redis, worker: str) -> int:
    """Messages that consumers of the worker of that host hold."""
    consumers: list[dict[str, object]] = store.xinfo_consumers("optimus:queue:inbound", "workers")
    return sum(int(str(found["pending"])) for found in consumers if str(found["name"]).startswith(worker))
