"""Dashboards of the services."""

from __future__ import annotations

from scripts.dashboards.model import Board, Variable
from scripts.dashboards.providers import PROVIDERS
from scripts.dashboards.red import evidence_of, replicas_of, service
from scripts.dashboards.service_sections import ATTEMPTS, CONNECTIONS, QUEUE

WORKER = "orchestrator-worker"

SERVICES: tuple[Board, ...] = (
    service("ai-engine", "Answers of language models.", "POST /v1/chat/completions", 30, PROVIDERS),
    service("backend-orchestrator", "Webhooks and the queue.", "POST /webhooks/whatsapp", 1, QUEUE),
    service("memory-engine", "What tenants remember.", "POST /v1/memories/search", 1, CONNECTIONS),
    Board(
        f"optimus-{WORKER}",
        f"Optimus: {WORKER}",
        "Takes messages from the queue and has them answered.",
        (ATTEMPTS, replicas_of(WORKER), evidence_of(WORKER, "process optimus:queue:inbound")),
        (Variable("instance", f'up{{job="{WORKER}"}}'),),
    ),
)
