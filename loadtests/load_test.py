"""What load tests of the platform send, in whose name, and where its parts are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from loadtests.workload import tenants
from optimus_ops.loadtest.model import LoadPlatform, PlatformFigure, RequestClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.secrets.value import Secret

FOLDER = Path(__file__).parent
CHAT = RequestClass("chat", "ai-engine", 8010, 6)
CLASSES = (
    CHAT,
    RequestClass("stream", "ai-engine", 8010, 3),
    RequestClass("webhook", "backend-orchestrator", 8020, 1),
    RequestClass("search", "memory-engine", 8050, 0, inside=True),
    RequestClass("dashboard", "backend-orchestrator", 8020, 0, tenants=False),
)
METRICS = {"ai-engine": 8010, "backend-orchestrator": 8020, "memory-engine": 8050, "orchestrator-worker": 9464}
WEB, QUEUE = "backend-orchestrator", "optimus_queue_messages"
FIGURES = (
    PlatformFigure("in flight ai-engine", "ai-engine", "http_server_active_requests"),
    PlatformFigure("queue waiting", WEB, QUEUE, {"state": "waiting"}, shared=True),
    PlatformFigure("queue in hand", WEB, QUEUE, {"state": "in_hand"}, shared=True),
    PlatformFigure("database connections", "memory-engine", "db_client_connections", {"state": "used"}),
    PlatformFigure("Redis clients", WEB, "redis_connected_clients", {"store": "state"}, shared=True),
    PlatformFigure("Redis evictions", WEB, "redis_evicted_keys_total", shared=True),
)
MODEL = "OPTIMUS_LOAD_TEST_MODEL"
"""Names the model that chats ask for; the default answers at once, without network."""


def load_platform(root: Path, secrets: Mapping[str, Secret]) -> LoadPlatform:
    """Return it with the tenants that have a key, and those that have none."""
    numbers = dict(tenants(root))
    keys = {tenant: secrets.get(f"TENANT_{tenant.upper().replace('-', '_')}_API_KEY") for tenant in numbers}
    present = {tenant: key for tenant, key in keys.items() if key}

    def prepare() -> Mapping[str, object]:
        return {
            "model": os.environ.get(MODEL, "embedded"),
            "run": uuid4().hex[:12],
            "numbers": numbers,
            "keys": {tenant: key.reveal() for tenant, key in present.items()},
            "whatsapp": _first(secrets.get("WHATSAPP_APP_SECRET")),
            "dashboard": _first(secrets.get("DASHBOARD_TOKEN")),
        }

    return LoadPlatform(
        CLASSES,
        tuple(present),
        FOLDER / "profiles",
        FOLDER / "locustfile.py",
        FOLDER / "k6" / "load.js",
        CHAT,
        METRICS,
        FIGURES,
        prepare,
        tuple(tenant for tenant in numbers if tenant not in present),
    )


def _first(secret: Secret | None) -> str:
    """Return the first of the values that are valid while a secret is rotated."""
    return secret.reveal().replace("\n", ",").split(",")[0] if secret else ""
