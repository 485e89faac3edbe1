"""Alert rules of the platform: what clients notice first, then queue, stores, replicas, tenants and providers."""

from __future__ import annotations

from scripts.dashboards.alert_model import Alert, Severity
from scripts.dashboards.promql import REQUESTS, burning, quantile, rate

OURS = 'job!~"alloy|tempo|loki|prometheus"'
PAGE, TICKET = Severity.PAGE, Severity.TICKET


def _p95(uid: str, what: str, where: str, seconds: float, reason: str) -> Alert:
    measured = quantile(0.95, REQUESTS, "job", where, "10m")
    return Alert(uid, f"{what} are slow", measured, "gt", seconds, "10m", TICKET, reason, "troubleshooting.md")


REQUEST_RULES = (
    Alert(
        "errors-fast",
        "Errors burn the budget of a month in two days",
        burning("5m", "1h"),
        "gt",
        0.0144,
        "2m",
        PAGE,
        "The aim is 99.9 % of requests without 5xx. 14.4 times the rate that it allows uses 2 % of a "
        "month's budget in one hour; "
        "the short window ends the alert soon after the fault.",
        "troubleshooting.md",
    ),
    Alert(
        "errors-slow",
        "Errors burn the budget of a month in five days",
        burning("30m", "6h"),
        "gt",
        0.006,
        "15m",
        TICKET,
        "As before, at 6 times the rate: 5 % of the budget in six hours. Too slow to wake somebody.",
        "troubleshooting.md",
    ),
    _p95(
        "slow-webhooks",
        "Webhooks",
        'http_route="/webhooks/whatsapp"',
        1,
        "A webhook only puts messages into the queue: milliseconds. The provider calls again what takes long.",
    ),
    _p95(
        "slow-memory",
        "Memory searches",
        'job="memory-engine", http_route="/v1/memories/search"',
        1,
        "A search stands before the answer of each request that recalls; it takes tens of milliseconds.",
    ),
    _p95(
        "slow-chat",
        "Answers of models",
        'job="ai-engine", http_route="/v1/chat/completions"',
        30,
        "Long answers take up to 30 s; when one in twenty takes longer, providers or replicas are at their limit.",
    ),
)

QUEUE_RULES = (
    Alert(
        "queue-age",
        "Messages wait long",
        "max(optimus_queue_oldest_message_age_seconds)",
        "gt",
        120,
        "5m",
        PAGE,
        "Who writes by WhatsApp waits two minutes for an answer: workers are too few, or ai-engine "
        "doesn't answer them.",
        "queue.md",
    ),
    Alert(
        "dead-letters",
        "Messages were given up",
        'max(delta(optimus_queue_messages{state="dead"}[15m]))',
        "gt",
        0,
        "0m",
        TICKET,
        "Each is a message that nobody gets an answer to: one is enough to look at.",
        "queue.md",
    ),
)

STORE_RULES = (
    Alert(
        "connections",
        "Database connections near their bound",
        'sum(db_client_connections{state="used"}) / sum(db_client_connections_max)',
        "gt",
        0.9,
        "5m",
        TICKET,
        "At 1 requests wait for a connection and some time out; a surge of a deploy needs the rest.",
        "budgets.md",
    ),
    Alert(
        "redis-memory",
        "Redis store of state is nearly full",
        'max by (store) (redis_memory_used_bytes{store="state"} / (redis_memory_max_bytes{store="state"} > 0))',
        "gt",
        0.9,
        "5m",
        PAGE,
        "At 1 it refuses writes, and no webhook can be queued.",
        "redis-memory.md",
    ),
    Alert(
        "redis-evictions",
        "Redis evicts state",
        'max(increase(redis_evicted_keys_total{store="state"}[10m]))',
        "gt",
        0,
        "0m",
        PAGE,
        "The store of state holds the queue and must never evict: its policy or its memory is wrong.",
        "redis-memory.md",
    ),
    Alert(
        "redis-down",
        "Redis does not answer",
        "max by (store) (optimus_redis_up)",
        "lt",
        1,
        "1m",
        PAGE,
        "Without state nothing is queued. A failover by sentinels takes seconds, so a minute means that "
        "it did not work.",
        "redis-sentinel.md",
        "Alerting",
    ),
)

REPLICA_RULES = (
    Alert(
        "replica-down",
        "A replica does not answer",
        'min by (job, instance) (up{job!~"alloy|tempo|loki|prometheus"})',
        "lt",
        1,
        "2m",
        TICKET,
        "A replica that drains goes from the engine's DNS within seconds; one that stays and is silent is ill.",
        "troubleshooting.md",
    ),
    Alert(
        "service-down",
        "No replica of a service answers",
        f"max by (job) (up{{{OURS}}}) or 0 * max by (job) (max_over_time(up{{{OURS}}}[1h]))",
        "lt",
        1,
        "1m",
        PAGE,
        "All requests to it fail. A replica that is gone leaves no series, so whoever was there in the "
        "last hour counts as 0. A minute covers a restart of the only replica.",
        "troubleshooting.md",
        "Alerting",
    ),
    Alert(
        "flapping",
        "A replica starts again and again",
        'max by (job, instance) (changes(process_start_time_seconds{job!~"alloy|tempo|loki|prometheus"}[15m]))',
        "gt",
        2,
        "0m",
        TICKET,
        "Three starts in 15 minutes are no deploy: out of memory, or it fails at start.",
        "troubleshooting.md",
    ),
)

TENANT_RULES = (
    Alert(
        "throttled",
        "A tenant is refused much of what it asks",
        'sum by (tenant) (rate(optimus_tenant_requests_total{status_class="4xx"}[10m]))'
        " / (sum by (tenant) (rate(optimus_tenant_requests_total[10m])) > 0)",
        "gt",
        0.2,
        "10m",
        TICKET,
        "One in five answers is 4xx, most of them 429: its bound is too low for its use, or its client loops.",
        "troubleshooting.md",
    ),
    Alert(
        "cost",
        "Language models cost much",
        "sum(3600 * rate(optimus_llm_cost_usd_total[15m]))",
        "gt",
        50,
        "15m",
        TICKET,
        "50 US dollars an hour are 36,000 a month; change it to what your budget is.",
        "metrics.md",
    ),
    Alert(
        "provider-keys",
        "No key of a provider works",
        'max by (provider) (optimus_provider_key_state{state=~"closed|half-open"})',
        "lt",
        1,
        "2m",
        PAGE,
        "Every key's circuit is open: answers fail or come from the fallback.",
        "troubleshooting.md",
    ),
)

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

GROUPS: dict[str, tuple[Alert, ...]] = {
    "requests": REQUEST_RULES,
    "queue": QUEUE_RULES,
    "stores": STORE_RULES,
    "replicas": REPLICA_RULES,
    "tenants": TENANT_RULES,
    "telemetry": TELEMETRY_RULES,
}
