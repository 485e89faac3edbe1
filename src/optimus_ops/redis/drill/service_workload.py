"""Writes through the platform's services, as their callers make them: a conversation's turn, a message of the webhook.

Both services promise that what they answered with 200 is kept: a turn where the caller asks for that, a message always.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from optimus_ops.redis.drill.record import Kind
from optimus_ops.secrets import dotenv, store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.engine.port import Engine
    from optimus_ops.project.settings import Project
    from optimus_ops.secrets.value import Secret

CHAT = Kind("chat", safe=True, service=True)
WEBHOOK = Kind("webhook", safe=True, service=True)
PORTS = {CHAT: ("ai-engine", 8010), WEBHOOK: ("backend-orchestrator", 8020)}
"""Service, and the port that it and the balancer listen on."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that writes.

    Args:
        path: where to.
        body: JSON.
        headers: secrets among them; never shown.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """Where callers come in.

    Args:
        kind: what they write.
        host: of the balancer's port on this host.
        port: likewise.
        tenant: in whose name.
        number: the tenant's WhatsApp number.
        secret: the tenant's key, or what signs webhook calls.
    """

    kind: Kind
    host: str
    port: int
    tenant: str
    number: str
    secret: Secret

    def request(self, name: str) -> Request:
        """Return the request that makes the write of an id."""
        return self._chat(name) if self.kind is CHAT else self._notification(name)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys that the services keep for the write of an id; that it was kept is told by the first."""
        if self.kind is CHAT:
            session = f"optimus:session:{self.tenant}:{name}"
            return session, f"{session}:turn"
        return (f"optimus:message:{self.tenant}:{name}",)

    @property
    def answers(self) -> str:
        """Return the stream of answers to messages; each message is to be answered once."""
        return f"optimus:outbox:{self.tenant}"

    def _chat(self, name: str) -> Request:
        body = {"model": "embedded", "messages": [{"role": "user", "content": name}]}
        headers = {
            "Authorization": f"Bearer {self.secret.reveal()}",
            "Content-Type": "application/json",
            "X-Session-Id": name,
            "X-Session-Durable": "true",
        }
        return Request("/v1/chat/completions", json.dumps(body).encode(), headers)

    def _notification(self, name: str) -> Request:
        """Return a call of the webhook: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks."""
        # Each from somebody else: one sender's messages are answered one after the other.
        sender = f"5511{int(hashlib.sha256(name.encode()).hexdigest()[:10], 16)}"
        message = {"id": name, "from": sender, "timestamp": "0", "type": "text", "text": {"body": name}}
        value = {"metadata": {"phone_number_id": self.number}, "messages": [message]}
        body = json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()
        key = self.secret.reveal().replace("\n", ",").split(",")[0]
        signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return Request("/webhooks/whatsapp", body, {"X-Hub-Signature-256": f"sha256={signature}"})


def find_doors(docker: Engine, project: Project) -> tuple[ServiceEndpoint, ...]:
    """Return where callers of the services come in; none where a service or its balancer does not run.

    Raises:
        Refused: the operator's secrets are malformed.
    """
    secrets = _secrets(project)
    tenant = next(((name, number) for name, number in _tenants(project) if _key(name) in secrets), None)
    if tenant is None:
        return ()
    name, number = tenant
    running = [replica for replica in docker.observe(project.name).replicas if replica.occupied]
    services = {replica.service for replica in running}
    published = {
        port.target: (port.host_ip, port.host_port)
        for replica in running
        if replica.service == project.balancer
        for port in replica.published
    }
    secret_of = {CHAT: secrets.get(_key(name)), WEBHOOK: secrets.get("WHATSAPP_APP_SECRET")}
    doors = []
    for kind, (service, port) in PORTS.items():
        secret = secret_of[kind]
        if service in services and port in published and secret:
            host, there = published[port]
            host = host if host not in {"", "0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - compared, not bound
            doors.append(ServiceEndpoint(kind, host, there, name, number, secret))
    return tuple(doors)


def _key(tenant: str) -> str:
    return f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY"


def _secrets(project: Project) -> Mapping[str, Secret]:
    found = store.read(project.secrets_file)
    return dotenv.parse(found.content.reveal(), project.secrets_file.name).values if found else {}


def _tenants(project: Project) -> list[tuple[str, str]]:
    path = project.root / "config" / "tenants.yaml"
    content = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    tenants = content.get("tenants") or {} if isinstance(content, dict) else {}
    return [(str(name), str((facts or {}).get("whatsapp_phone_number_id", ""))) for name, facts in tenants.items()]
