"""Requests that write through the platform's services."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from loadtests.workload import chat_turns, redis_writes, webhook_messages

from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind
from optimus_ops.secrets.value import Secret

SECRET = Secret("s3cret")
ENDPOINT = Endpoint("127.0.0.1", 8010)


def parse(request: Request) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers and body."""
    head, body = request.content.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    return first.split()[1], dict(line.split(": ", 1) for line in lines), body


def test_a_turn_asks_to_be_kept() -> None:
    request = chat_turns("acme", SECRET).request(ENDPOINT, "run-1")

    path, headers, body = parse(request)
    assert (request.name, request.kind, path) == ("run-1", "chat", "/v1/chat/completions")
    assert headers["X-Session-Id"] == "run-1"
    assert headers["X-Session-Durable"] == "true"
    assert json.loads(body)["messages"][0]["content"] == "run-1"


@pytest.mark.parametrize(
    ("status", "stored", "error"),
    [(200, "true", None), (200, "", None), (200, "false", ErrorKind.WRONG), (503, "", ErrorKind.STATUS)],
)
def test_a_turn_is_accepted_where_it_was_stored(status: int, stored: str, error: ErrorKind | None) -> None:
    chat = chat_turns("acme", SECRET)
    answer = Response(status, {name: stored for name in chat.kept_headers if stored})

    assert chat.judge(Request(b""), answer) == error


def test_a_message_is_signed_as_the_webhook_wants() -> None:
    _path, headers, body = parse(webhook_messages("acme", "1000", SECRET).request(ENDPOINT, "run-1"))

    expected = hmac.new(SECRET.reveal().encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    value: dict[str, Any] = json.loads(body)["entry"][0]["changes"][0]["value"]
    assert (value["messages"][0]["id"], value["metadata"]["phone_number_id"]) == ("run-1", "1000")


def test_of_several_secrets_the_first_signs() -> None:
    several = Secret(f"{SECRET.reveal()},old")

    requests = [webhook_messages("acme", "1000", secret).request(ENDPOINT, "run-1") for secret in (SECRET, several)]

    assert requests[0].content == requests[1].content


def test_secrets_are_not_shown() -> None:
    for writes in (chat_turns("acme", SECRET), webhook_messages("acme", "1000", SECRET)):
        assert SECRET.reveal() not in repr(writes)
        assert SECRET.reveal() not in repr(writes.request(ENDPOINT, "run-1"))


def test_writes_are_those_of_the_first_tenant_with_a_key(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tenants.yaml").write_text(
        "tenants: {other: {}, acme-two: {whatsapp_phone_number_id: '1000'}}"
    )
    secrets = {"TENANT_ACME_TWO_API_KEY": SECRET, "WHATSAPP_APP_SECRET": SECRET}

    found = redis_writes(tmp_path, secrets)

    assert [writes.name for writes in found] == ["chat", "webhook"]
    assert found[0].keys("w") == ("optimus:session:acme-two:w", "optimus:session:acme-two:w:turn")
    assert found[1].deliveries == ("optimus:outbox:acme-two", "message_id")
    assert [writes.name for writes in redis_writes(tmp_path, {"TENANT_ACME_TWO_API_KEY": SECRET})] == ["chat"]
    assert redis_writes(tmp_path, {}) == ()
