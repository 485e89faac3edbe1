"""Requests that write through the services."""

from __future__ import annotations

import hashlib
import hmac
import json

from optimus_ops.redis.drill.service_workload import CHAT, WEBHOOK, ServiceEndpoint
from optimus_ops.secrets.value import Secret

SECRET = "s3cret"


def door(kind: object, secret: str = SECRET) -> ServiceEndpoint:
    return ServiceEndpoint(CHAT if kind is CHAT else WEBHOOK, "127.0.0.1", 8010, "acme", "1000", Secret(secret))


def test_a_turn_asks_to_be_kept() -> None:
    request = door(CHAT).request("run-1")

    assert request.path == "/v1/chat/completions"
    assert request.headers["X-Session-Id"] == "run-1"
    assert request.headers["X-Session-Durable"] == "true"
    assert json.loads(request.body)["messages"][0]["content"] == "run-1"


def test_a_message_is_signed_as_the_webhook_wants() -> None:
    request = door(WEBHOOK).request("run-1")

    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Hub-Signature-256"] == f"sha256={expected}"
    value = json.loads(request.body)["entry"][0]["changes"][0]["value"]
    assert (value["messages"][0]["id"], value["metadata"]["phone_number_id"]) == ("run-1", "1000")


def test_of_several_secrets_the_first_signs() -> None:
    one, several = door(WEBHOOK).request("run-1"), door(WEBHOOK, f"{SECRET},old").request("run-1")

    assert one.headers == several.headers


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(door(CHAT))
