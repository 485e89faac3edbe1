"""Which store answers at an address, found out by its answers: Tempo by v2 or v1, qryn, Loki."""

from __future__ import annotations

from typing import Any

from optimus_ops.text.escapes import safe_to_show
from optimus_ops.traces.loki import LokiStore
from optimus_ops.traces.otlp import parse_json
from optimus_ops.traces.qryn import QrynStore
from optimus_ops.traces.store import LogStore, TraceStore
from optimus_ops.traces.store_http import Answer, StoreClient
from optimus_ops.traces.tempo import TempoStore

NOBODYS_ID = "1".zfill(32)
"""A valid id that nobody draws."""
SHOWN = 20


def connect_traces(client: StoreClient) -> TraceStore:
    """Return the store of traces at an address.

    Raises:
        StoreFailed: nothing answers, or what does is no store of traces.
    """
    by_id = client.get(f"/api/v2/traces/{NOBODYS_ID}", accept="application/json")
    if isinstance(document := _json(by_id), dict) and "trace" in document:
        return TempoStore(client, "v2", _tempo_name(client))
    if by_id.status == 429 or by_id.status >= 500:
        raise client.unexpected(by_id, "a trace")
    echo = client.get("/api/echo")
    if echo.status != 200 or echo.content.strip() != b"echo":
        raise client.unexpected(echo, "`echo` of Tempo's API")
    if _is_qryn(client):
        return QrynStore(client)
    return TempoStore(client, "v1", _tempo_name(client))


def connect_logs(client: StoreClient) -> LogStore:
    """Return the store of logs at an address.

    Raises:
        StoreFailed: nothing answers, or what does is no store of logs.
    """
    labels = client.get("/loki/api/v1/labels")
    document = _json(labels)
    if not isinstance(document, dict) or document.get("status") != "success":
        raise client.unexpected(labels, "labels of Loki's API")
    if _is_qryn(client):
        return LokiStore(client, "qryn", structured=False)
    version = _version(client, "/loki/api/v1/status/buildinfo")
    return LokiStore(client, f"Loki {version}".strip())


def _tempo_name(client: StoreClient) -> str:
    return f"Tempo {_version(client, '/api/status/buildinfo')}".strip()


def _version(client: StoreClient, path: str) -> str:
    """Return the version that a store tells, "" where it tells none."""
    document = _json(client.get(path))
    version = document.get("version") if isinstance(document, dict) else ""
    return safe_to_show(version)[:SHOWN] if isinstance(version, str) else ""


def _is_qryn(client: StoreClient) -> bool:
    """Tell qryn by its readiness, which names its capabilities; Tempo and Loki say `ready`."""
    document = _json(client.get("/ready"))
    return isinstance(document, dict) and "capabilities" in document


def _json(answer: Answer) -> Any:
    if answer.status != 200 or answer.is_page:
        return None
    try:
        return parse_json(answer.content)
    except ValueError:
        return None
