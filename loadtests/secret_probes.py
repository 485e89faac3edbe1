"""Requests that tell whether a replica of the platform accepts a secret; none changes anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from optimus_ops.rotation.probes import ProbeRequest, SecretProbe

NOBODY = UUID(int=0)
EMPTY_NOTIFICATION = b'{"object": "whatsapp_business_account", "entry": []}'
FOUND_NOTHING = frozenset({404})
"""A valid key was looked at before that."""


def probes() -> Sequence[SecretProbe]:
    """Return the probes of the platform's services."""
    tenant = "TENANT_*_API_KEY"
    return (
        SecretProbe(tenant, "ai-engine", _asking("GET", "/v1/models"), uses=tenant_uses),
        SecretProbe(tenant, "memory-engine", _asking("GET", f"/v1/memories/{NOBODY}"), FOUND_NOTHING, tenant_uses),
        SecretProbe(
            tenant, "backend-orchestrator", _asking("GET", f"/v1/messages/{NOBODY}"), FOUND_NOTHING, tenant_uses
        ),
        SecretProbe(
            "DASHBOARD_TOKEN", "backend-orchestrator", _asking("POST", "/v1/dashboard/session"), frozenset({201})
        ),
        SecretProbe(
            "WHATSAPP_APP_SECRET",
            "backend-orchestrator",
            _webhook,
            uses=lambda _key: 'optimus_webhook_signature_matches_total{secret="secondary"}',
        ),
        SecretProbe(
            "SESSION_SIGNING_KEY",
            "backend-orchestrator",
            _dashboard_session,
            uses=lambda _key: 'optimus_dashboard_sessions_verified_total{key="secondary"}',
        ),
    )


def tenant_uses(key: str) -> str:
    """Return the counter of a tenant's requests with the key that isn't current."""
    tenant = key.removeprefix("TENANT_").removesuffix("_API_KEY").lower().replace("_", "-")
    return f'optimus_tenant_key_matches_total{{secret="secondary",tenant="{tenant}"}}'


def _asking(method: str, path: str) -> Callable[[str], ProbeRequest]:
    """Return what makes a request with a key in the header `Authorization`."""

    def make(value: str) -> ProbeRequest:
        return ProbeRequest(method, path, {"Authorization": f"Bearer {value}"})

    return make


def _webhook(value: str) -> ProbeRequest:
    """A call of the webhook that tells of nothing, signed."""
    signature = hmac.new(value.encode(), EMPTY_NOTIFICATION, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    return ProbeRequest("POST", "/webhooks/whatsapp", headers, EMPTY_NOTIFICATION)


def _dashboard_session(value: str) -> ProbeRequest:
    """A question about a session of a minute."""
    token = session_token(value, int(time.time()))
    return ProbeRequest("GET", "/v1/dashboard/session", {"Authorization": f"Bearer {token}"})


def session_token(key: str, now: int) -> str:
    """Return a session of the dashboard as backend-orchestrator signs it: a JWT (RFC 7519) by HMAC with SHA-256."""
    kid = hmac.new(key.encode(), b"optimus dashboard session", hashlib.sha256).hexdigest()[:16]
    claims = {"iss": "optimus", "aud": "optimus-dashboard", "iat": now, "nbf": now, "exp": now + 60}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(claims)}"
    return f"{signed}.{_base64url(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _part(document: object) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
