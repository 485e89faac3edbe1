"""Asking the platform's services, as their clients do."""

import hashlib
import hmac
import json
import uuid
from typing import Any

import httpx
from tests.e2e.driven import NUMBERS, Platform, until


def question(text: str, model: str = "embedded", **more: object) -> dict[str, Any]:
    """The body of a chat completion of one user message."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def reply_of(answer: httpx.Response) -> str:
    """What was answered."""
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


def unique(prefix: str) -> str:
    """An id that no other run uses."""
    return f"{prefix}.{uuid.uuid4().hex}"


def notification(message_id: str, text: str, tenant: str = "acme", sender: str = "5511999990000") -> bytes:
    """What WhatsApp sends for one text message."""
    message = {"id": message_id, "from": sender, "timestamp": "1700000000", "type": "text", "text": {"body": text}}
    value = {"metadata": {"phone_number_id": NUMBERS[tenant]}, "messages": [message]}
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


def together(calls: list[bytes]) -> bytes:
    """One call with the entries of all."""
    return json.dumps({"entry": [entry for call in calls for entry in json.loads(call)["entry"]]}).encode()


def deliver(
    http: httpx.Client, platform: Platform, body: bytes, secret: str | None = None, **headers: str
) -> httpx.Response:
    """Send a notification, signed as Meta does (with another secret if given)."""
    key = platform.secrets["WHATSAPP_APP_SECRET"] if secret is None else secret
    signature = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    signed = {"X-Hub-Signature-256": signature} | headers
    return http.post(f"{platform.backend}/webhooks/whatsapp", content=body, headers=signed)


def state_once(http: httpx.Client, platform: Platform, message_id: str, status: str, tenant: str) -> dict[str, Any]:
    """The state of a message, once it has that status."""

    def look() -> dict[str, Any] | None:
        answer = http.get(f"{platform.backend}/v1/messages/{message_id}", headers=platform.bearer(tenant))
        state: dict[str, Any] = answer.json()
        return state if answer.is_success and state["status"] == status else None

    return until(look)
