"""The dashboard of Redis and PostgreSQL, by those who use them."""

from __future__ import annotations

from scripts.dashboards.model import Board, Kind, Panel, Query, Section, Store
from scripts.dashboards.promql import rate

REDIS = Section(
    "Redis",
    (
        Panel(
            "Commands per second",
            "ops",
            "By store. If it falls to 0: `invoke validate-redis`.",
            (Query("max by (store) (rate(redis_commands_processed_total[$__rate_interval]))", "{{store}}"),),
        ),
        Panel(
            "Evicted per second",
            "ops",
            "Keys that had to go. The cache may; `state` never: it holds the queue. Then raise its "
            "maxmemory (docs/redis-memory.md).",
            (Query("max by (store) (rate(redis_evicted_keys_total[$__rate_interval]))", "{{store}}"),),
            warn=0.001,
        ),
        Panel(
            "Memory against maxmemory",
            "percentunit",
            "Share in use. The cache may be full; `state` at 1 refuses writes: raise maxmemory.",
            (Query("max by (store) (redis_memory_used_bytes / (redis_memory_max_bytes > 0))", "{{store}}"),),
            warn=0.8,
            bad=0.9,
        ),
        Panel(
            "Hits",
            "percentunit",
            "Share of lookups that found their key. If the cache's falls: it is too small, or was emptied.",
            (
                Query(
                    "max by (store) (rate(redis_keyspace_hits_total[$__rate_interval])"
                    " / (rate(redis_keyspace_hits_total[$__rate_interval]) + "
                    "rate(redis_keyspace_misses_total[$__rate_interval]) > 0))",
                    "{{store}}",
                ),
            ),
        ),
        Panel(
            "Clients",
            "short",
            "Connections, and replicas that follow. Clients that only grow leak: look for the service that does.",
            (
                Query("max by (store) (redis_connected_clients)", "{{store}} clients"),
                Query("max by (store) (redis_connected_replicas)", "{{store}} replicas"),
            ),
        ),
        Panel(
            "Up",
            "short",
            "1 while the store answers. 0: `invoke validate-redis`, `invoke redis.failover`.",
            (Query("max by (store) (optimus_redis_up)", "{{store}}"),),
        ),
    ),
)

POSTGRES = Section(
    "PostgreSQL",
    (
        Panel(
            "Connections against budget",
            "short",
            "In use, and what all processes may hold. Near it: docs/budgets.md.",
            (
                Query('sum(db_client_connections{state="used"})', "used"),
                Query("sum(optimus_database_connections_budget)", "budget"),
            ),
            width=12,
        ),
        Panel(
            "Waited for a connection",
            "s",
            "Seconds of waiting in each second. Above 0 for long: slow queries or a small pool.",
            (Query(rate("db_client_connections_wait_seconds_total"), "waited"),),
            width=12,
        ),
        Panel(
            "Lines",
            "short",
            "What PostgreSQL says.",
            (Query('{service_name="postgres"}', store=Store.LOKI),),
            Kind.LOGS,
            24,
        ),
    ),
)

STORES = Board("optimus-stores", "Optimus: stores", "Redis and PostgreSQL as the services see them.", (REDIS, POSTGRES))
