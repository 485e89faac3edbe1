"""Which store answers at an address, found out by its answers: Tempo by v2 or v1, qryn, Loki."""

from __future__ import annotations

from typing import Any

from optimus_ops.http.client import Answer
from optimus_ops.text.escapes import safe_to_show
from optimus_ops.traces.loki import LokiStore
from optimus_ops.traces.otlp_json import parse_json
from optimus_ops.traces.qryn import QrynStore
from optimus_ops.traces.store import LogStore, TraceStore
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.tempo import TempoStore

NOBODYS_ID = "1".zfill(32)
"""A valid id that nobody draws."""
SHOWN = 20
NOT_SUPPORTED = b"404 Not Supported"


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
    if _is_qryn(by_id):
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
    told = client.get("/loki/api/v1/status/buildinfo")
    return LokiStore(client, "qryn", structured=False) if _is_qryn(told) else LokiStore(client, _named("Loki", told))


def _tempo_name(client: StoreClient) -> str:
    return _named("Tempo", client.get("/api/status/buildinfo"))


def _named(product: str, told: Answer) -> str:
    """Return the name of a product with the version that its `buildinfo` tells, if it tells one."""
    document = _json(told)
    version = document.get("version") if isinstance(document, dict) else ""
    return f"{product} {safe_to_show(version)[:SHOWN] if isinstance(version, str) else ''}".strip()


def _is_qryn(missing: Answer) -> bool:
    """Tell qryn by what it says of paths that it hasn't, also while its database does not answer."""
    return missing.status == 404 and missing.content.strip() == NOT_SUPPORTED


def _json(answer: Answer) -> Any:
    if answer.status != 200 or answer.is_page:
        return None
    try:
        return parse_json(answer.content)
    except ValueError:
        return None
