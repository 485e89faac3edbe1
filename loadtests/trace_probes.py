"""Requests that cross the whole platform, and the spans that each has to leave in its trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loadtests.whatsapp import notification, signed
from loadtests.workload import tenants
from optimus_ops.traces.smoke.probe import Hop, ProbeSet, TracedRequest, TraceProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from optimus_ops.secrets.value import Secret
    from optimus_ops.traces.model import Value

BALANCER, CHAT_ENGINE, MEMORY = "nginx-lb", "ai-engine", "memory-engine"
ORCHESTRATOR, WORKER = "backend-orchestrator", "orchestrator-worker"
METRICS = {CHAT_ENGINE: 8010, MEMORY: 8050, ORCHESTRATOR: 8020, WORKER: 9464}
RESOURCE = ("service.version", "service.instance.id", "service.namespace", "deployment.environment.name")
MODEL = "embedded"
"""A provider without network, in every installation."""
GEN_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": None,
    "gen_ai.request.model": MODEL,
    "gen_ai.response.model": None,
    "gen_ai.usage.input_tokens": None,
    "gen_ai.usage.output_tokens": None,
    "gen_ai.response.finish_reasons": None,
}


def probes(root: Path, secrets: Mapping[str, Secret]) -> ProbeSet:
    """Return the probes with the key of the first tenant that has one; none without."""
    names = {tenant: f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY" for tenant, _number in tenants(root)}
    tenant, number = next((found for found in tenants(root) if secrets.get(names[found[0]])), ("", ""))
    if not tenant:
        return ProbeSet(())
    key = secrets[names[tenant]]
    found = [
        TraceProbe("chat", CHAT_ENGINE, 8010, _chat(key), _chat_hops(tenant), logs=(BALANCER, CHAT_ENGINE)),
        TraceProbe(
            "stream", CHAT_ENGINE, 8010, _chat(key, stream=True), _stream_hops(tenant), logs=(BALANCER, CHAT_ENGINE)
        ),
        TraceProbe(
            "recall",
            CHAT_ENGINE,
            8010,
            _chat(key, recall=True),
            _recalling_hops(tenant),
            logs=(BALANCER, CHAT_ENGINE, MEMORY),
        ),
        TraceProbe("memory", MEMORY, 8050, _search(key), _memory_hops(tenant), logs=(BALANCER, MEMORY), inside=True),
        TraceProbe(
            "error",
            CHAT_ENGINE,
            8010,
            _chat(key, refused=True),
            _error_hops(tenant),
            frozenset({400}),
            logs=(BALANCER, CHAT_ENGINE),
        ),
    ]
    if signing := secrets.get("WHATSAPP_APP_SECRET"):
        logs = (BALANCER, ORCHESTRATOR, WORKER, CHAT_ENGINE)
        found.append(
            TraceProbe("webhook", ORCHESTRATOR, 8020, _webhook(number, signing), _webhook_hops(tenant), logs=logs)
        )
    return ProbeSet(tuple(found), METRICS, RESOURCE)


def _chat(
    key: Secret, *, stream: bool = False, recall: bool = False, refused: bool = False
) -> Callable[[str], TracedRequest]:
    """Return what asks for an answer; `refused` asks the provider for something that it has not."""

    def make(run: str) -> TracedRequest:
        body: dict[str, object] = {
            "model": MODEL,
            "messages": [{"role": "user", "content": f"trace smoke test {run}"}],
            "stream": stream,
        }
        if refused:
            body["response_format"] = {"type": "json_object"}
        headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"}
        if recall:
            headers["X-Recall"] = "true"
        return TracedRequest("POST", "/v1/chat/completions", headers, json.dumps(body).encode())

    return make


def _search(key: Secret) -> Callable[[str], TracedRequest]:
    def make(run: str) -> TracedRequest:
        headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"}
        body = json.dumps({"query": f"trace smoke test {run}", "limit": 1}).encode()
        return TracedRequest("POST", "/v1/memories/search", headers, body)

    return make


def _webhook(number: str, secret: Secret) -> Callable[[str], TracedRequest]:
    """Return what sends a WhatsApp message, signed: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks."""

    def make(run: str) -> TracedRequest:
        body = notification(number, f"wamid.{run}", f"trace smoke test {run}")
        return TracedRequest("POST", "/webhooks/whatsapp", signed(body, secret.reveal()), body)

    return make


def _server(service: str, route: str, tenant: str, *, below: str = "", status: int = 200) -> Hop:
    attributes: Mapping[str, Value] = {"optimus.tenant": tenant, "http.response.status_code": status}
    return Hop(service, f"POST {route}", "server", attributes, below)


def _chat_hops(tenant: str, below: str = "", more: Mapping[str, Value] | None = None) -> tuple[Hop, ...]:
    server = _server(CHAT_ENGINE, "/v1/chat/completions", tenant, below=below)
    return server, Hop(CHAT_ENGINE, "chat *", "client", {**GEN_AI, **(more or {})}, below=server.label)


def _stream_hops(tenant: str) -> tuple[Hop, ...]:
    return _chat_hops(tenant, more={"optimus.time_to_first_token": None})


def _recalling_hops(tenant: str) -> tuple[Hop, ...]:
    server, chat = _chat_hops(tenant)
    hint = "does ai-engine ask memory-engine (X-Recall), and with a traceparent of its own span?"
    call = Hop(CHAT_ENGINE, "POST", "client", below=server.label, hint=hint)
    return server, call, *_memory_hops(tenant, call.label), chat


def _memory_hops(tenant: str, below: str = "") -> tuple[Hop, ...]:
    server = _server(MEMORY, "/v1/memories/search", tenant, below=below)
    return server, Hop(MEMORY, "SELECT*", "client", below=server.label)


def _error_hops(tenant: str) -> tuple[Hop, ...]:
    """A refusal of what was asked: the call of the provider has failed, the server that says so has not."""
    server = _server(CHAT_ENGINE, "/v1/chat/completions", tenant, status=400)
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL, "error.type": None}
    return server, Hop(CHAT_ENGINE, "chat *", "client", asked, below=server.label, failed=True)


def _webhook_hops(tenant: str) -> tuple[Hop, ...]:
    server = Hop(
        ORCHESTRATOR, "POST /webhooks/whatsapp", "server", {"http.response.status_code": 200, "http.route": None}
    )
    publish = Hop(ORCHESTRATOR, "publish optimus:queue:inbound", "producer", below=server.label)
    process = Hop(WORKER, "process optimus:queue:inbound", "consumer", {"optimus.tenant": tenant}, below=publish.label)
    call = Hop(WORKER, "POST", "client", below=process.label)
    return server, publish, process, call, *_chat_hops(tenant, call.label)
