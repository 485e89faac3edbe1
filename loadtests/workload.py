"""Requests that write to Redis through the platform's services: a turn of a conversation, a message of the webhook.

Both services promise that what they answered with 200 is kept: a turn where the caller asks for that, a message always.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from loadtests.whatsapp import notification, signed
from optimus_ops.load.request import Request, encode
from optimus_ops.load.result import ErrorKind
from optimus_ops.load.workload import judge_status
from optimus_ops.redis.drill.service_workload import ServiceWrites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from optimus_ops.load.connection import Response
    from optimus_ops.load.request import Endpoint
    from optimus_ops.secrets.value import Secret

STORED = "x-session-stored"


def redis_writes(root: Path, secrets: Mapping[str, Secret]) -> tuple[ServiceWrites, ...]:
    """Return the writes of the first tenant with a key; none where no tenant has one."""
    keys = {tenant: f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY" for tenant, _number in tenants(root)}
    tenant, number = next((found for found in tenants(root) if keys[found[0]] in secrets), ("", ""))
    if not tenant:
        return ()
    key, signing = secrets[keys[tenant]], secrets.get("WHATSAPP_APP_SECRET")
    return (
        *((chat_turns(tenant, key),) if key else ()),
        *((webhook_messages(tenant, number, signing),) if signing else ()),
    )


def tenants(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each tenant's name and WhatsApp number."""
    path = root / "config" / "tenants.yaml"
    content = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    found = content.get("tenants") or {} if isinstance(content, dict) else {}
    for name, facts in found.items():
        yield str(name), str((facts or {}).get("whatsapp_phone_number_id", ""))


def chat_turns(tenant: str, key: Secret) -> ServiceWrites:
    """Return turns that are stored before they are answered, each id a conversation of its own."""

    def request(endpoint: Endpoint, write: str) -> Request:
        body = {"model": "embedded", "messages": [{"role": "user", "content": write}]}
        headers = {
            "Authorization": f"Bearer {key.reveal()}",
            "Content-Type": "application/json",
            "X-Session-Id": write,
            "X-Session-Durable": "true",
        }
        content = encode(endpoint, "POST", "/v1/chat/completions", headers, json.dumps(body).encode())
        return Request(content, write, "chat")

    def keys(write: str) -> tuple[str, ...]:
        session = f"optimus:session:{tenant}:{write}"
        return session, f"{session}:turn"

    return ServiceWrites("chat", "ai-engine", 8010, request, keys, judge_turn, frozenset({STORED}))


def judge_turn(request: Request, response: Response) -> ErrorKind | None:
    """Accept a turn that was stored."""
    return judge_status(request, response) or (ErrorKind.WRONG if response.headers.get(STORED) == "false" else None)


def webhook_messages(tenant: str, number: str, secret: Secret) -> ServiceWrites:
    """Return WhatsApp messages: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks.

    Args:
        tenant: who receives them.
        number: the tenant's WhatsApp number.
        secret: signs them; the first one, where several are valid.
    """

    def request(endpoint: Endpoint, write: str) -> Request:
        body = notification(number, write, write)
        return Request(
            encode(endpoint, "POST", "/webhooks/whatsapp", signed(body, secret.reveal()), body), write, "webhook"
        )

    # Each message is to be answered once.
    answers = (f"optimus:outbox:{tenant}", "message_id")
    return ServiceWrites(
        "webhook",
        "backend-orchestrator",
        8020,
        request,
        lambda write: (f"optimus:message:{tenant}:{write}",),
        deliveries=answers,
    )
