"""Alert rules of what serves: stores, replicas, tenants and providers."""

from __future__ import annotations

from scripts.dashboards.alert_model import Alert, Severity

OURS = 'job!~"alloy|tempo|loki|prometheus"'
PAGE, TICKET = Severity.PAGE, Severity.TICKET

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
