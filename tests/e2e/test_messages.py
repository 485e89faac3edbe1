import httpx
import pytest
from tests.e2e.asking import deliver, notification, state_once, unique
from tests.e2e.driven import Platform


def test_the_webhook_handshake_returns_the_challenge(platform: Platform, http: httpx.Client) -> None:
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": platform.secrets["WHATSAPP_VERIFY_TOKEN"],
        "hub.challenge": "8675309",
    }
    answer = http.get(f"{platform.backend}/webhooks/whatsapp", params=query)
    assert (answer.status_code, answer.text) == (200, "8675309")
    refused = http.get(f"{platform.backend}/webhooks/whatsapp", params=query | {"hub.verify_token": "wrong"})
    assert refused.status_code == 403


def test_a_whatsapp_message_is_answered_in_its_conversation(platform: Platform, http: httpx.Client) -> None:
    sender = str(int(unique("x").removeprefix("x.")[:12], 16))
    for turn in (1, 2):
        message_id = unique("wamid")
        assert deliver(http, platform, notification(message_id, "hello", sender=sender)).json()["queued"] == 1
        state = state_once(http, platform, message_id, "answered", "acme")
        assert state["reply"] == f"Turn {turn}. You said: hello"


def test_a_message_delivered_thrice_is_queued_once(platform: Platform, http: httpx.Client) -> None:
    body = notification(unique("wamid"), "hello")
    answers = [deliver(http, platform, body).json() for _ in range(3)]
    assert [answer["queued"] for answer in answers] == [1, 0, 0]
    assert [answer["duplicates"] for answer in answers] == [0, 1, 1]


def test_a_message_that_is_not_signed_by_meta_is_refused(platform: Platform, http: httpx.Client) -> None:
    message_id = unique("wamid")
    body = notification(message_id, "hello")
    assert deliver(http, platform, body, secret="wrong").status_code == 401
    assert http.post(f"{platform.backend}/webhooks/whatsapp", content=body).status_code == 401
    unknown = http.get(f"{platform.backend}/v1/messages/{message_id}", headers=platform.bearer("acme"))
    assert unknown.status_code == 404


def test_a_message_belongs_to_the_tenant_of_its_number(platform: Platform, http: httpx.Client) -> None:
    message_id = unique("wamid")
    deliver(http, platform, notification(message_id, "hello", tenant="globex"))
    state_once(http, platform, message_id, "answered", "globex")
    other = http.get(f"{platform.backend}/v1/messages/{message_id}", headers=platform.bearer("acme"))
    assert other.status_code == 404


def test_a_tenants_own_message_is_answered(platform: Platform, http: httpx.Client) -> None:
    body = {"from": unique("ana"), "text": "how are you?"}
    answer = http.post(f"{platform.backend}/v1/messages", json=body, headers=platform.bearer("acme"))
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    state = state_once(http, platform, answer.json()["message_id"], "answered", "acme")
    assert state["reply"] == "Turn 1. You said: how are you?"


@pytest.mark.parametrize("body", [{}, {"from": "ana"}, {"from": "ana", "text": ""}, {"from": "a b", "text": "x"}])
def test_a_bad_message_is_refused(platform: Platform, http: httpx.Client, body: dict[str, str]) -> None:
    answer = http.post(f"{platform.backend}/v1/messages", json=body, headers=platform.bearer("acme"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
