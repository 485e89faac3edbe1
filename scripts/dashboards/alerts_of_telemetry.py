"""Alert rules of telemetry itself."""

from __future__ import annotations

from scripts.dashboards.alert_model import Alert, Severity
from scripts.dashboards.promql import REQUESTS, rate

TICKET = Severity.TICKET

TELEMETRY_RULES = (
    Alert(
        "no-traces",
        "Requests leave no traces",
        f"({rate('otel_spans_exported_total', window='10m')} or vector(0)) and on () "
        f"({rate(f'{REQUESTS}_count', window='10m')} > 0)",
        "lt",
        0.001,
        "10m",
        TICKET,
        "While requests are served, spans have to be exported: services have no exporter, or Alloy is gone.",
        "trace-smoke-test.md",
    ),
    Alert(
        "spans-lost",
        "Spans are lost",
        "sum by (job) (rate(otel_spans_dropped_total[5m]))",
        "gt",
        1,
        "10m",
        TICKET,
        "Requests don't wait for it, but traces have holes. Less than one a second is what a restart of Alloy costs.",
        "observability.md",
    ),
    Alert(
        "metrics-disk",
        "The disk for metrics is nearly used",
        'sum(prometheus_tsdb_storage_blocks_bytes{job="prometheus"})',
        "gt",
        1.8e9,
        "1h",
        TICKET,
        "At METRICS_SIZE (2 GB) the oldest goes before METRICS_RETENTION is over; 90 % leaves days to decide.",
        "observability.md",
    ),
)
