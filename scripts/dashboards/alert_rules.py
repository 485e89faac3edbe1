"""All alert rules, by group."""

from __future__ import annotations

from scripts.dashboards.alert_model import Alert
from scripts.dashboards.alerts_of_parts import REPLICA_RULES, STORE_RULES, TENANT_RULES
from scripts.dashboards.alerts_of_requests import QUEUE_RULES, REQUEST_RULES
from scripts.dashboards.alerts_of_telemetry import TELEMETRY_RULES

GROUPS: dict[str, tuple[Alert, ...]] = {
    "requests": REQUEST_RULES,
    "queue": QUEUE_RULES,
    "stores": STORE_RULES,
    "replicas": REPLICA_RULES,
    "tenants": TENANT_RULES,
    "telemetry": TELEMETRY_RULES,
}
