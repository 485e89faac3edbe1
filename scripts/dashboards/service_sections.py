"""What a service has beside rate, errors and duration: the database, the queue, attempts at messages."""

from __future__ import annotations

from scripts.dashboards.model import Panel, Query, Section
from scripts.dashboards.promql import quantile, rate

CONNECTIONS = Section(
    "Database",
    (
        Panel(
            "Connections",
            "short",
            "Used and idle against the most that pools hold. If used reaches it: `invoke status` shows the budget.",
            (
                Query("sum by (state) (db_client_connections)", "{{state}}"),
                Query("sum(db_client_connections_max)", "at most"),
            ),
        ),
        Panel(
            "Waiting for a connection",
            "short",
            "Requests that wait now. Above 0 for long: queries are slow, or the pool is too small.",
            (Query("sum(db_client_connections_pending_requests)", "waiting"),),
            warn=1,
        ),
        Panel(
            "Waits and time-outs",
            "ops",
            "Requests per second that waited, waited in vain, and connections found broken.",
            (
                Query(rate("db_client_connections_waited_total"), "waited"),
                Query(rate("db_client_connections_timeouts_total"), "timed out"),
                Query(rate("db_client_connections_lost_total"), "lost"),
            ),
        ),
    ),
)

QUEUE = Section(
    "Queue",
    (
        Panel(
            "Messages",
            "short",
            "By state. If `waiting` grows: `invoke scale --orchestrator-worker`. `dead` wants a look: docs/queue.md.",
            (Query("max by (state) (optimus_queue_messages)", "{{state}}"),),
        ),
        Panel(
            "Age of the oldest message",
            "s",
            "By tenant. If all rise, workers are too few or ai-engine is slow; if one, that tenant floods.",
            (Query('max by (tenant) (optimus_queue_oldest_message_age_seconds{tenant=~"$tenant"})', "{{tenant}}"),),
            warn=30,
            bad=120,
        ),
        Panel(
            "Webhook items per second",
            "ops",
            "Items of webhook calls by outcome. If they stop, the provider's webhook is off or refused.",
            (Query(rate("optimus_webhook_items_total", "outcome"), "{{outcome}}"),),
        ),
    ),
)

ATTEMPTS = Section(
    "Messages: rate, errors, duration",
    (
        Panel(
            "Attempts per second",
            "ops",
            "By outcome. `delayed` is tried again; many of them: ai-engine fails, look at its errors.",
            (Query(rate("optimus_queue_processed_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Given up per second",
            "ops",
            "Messages that became dead letters. Above 0: their traces say why; docs/queue.md says how to retry.",
            (Query(rate("optimus_queue_processed_total", "", 'outcome="dead"'), "dead"),),
            bad=0.001,
        ),
        Panel(
            "Duration of an attempt",
            "s",
            "Half and 95 % of attempts are faster. It follows ai-engine's duration.",
            (
                Query(quantile(0.5, "optimus_queue_processing_duration_seconds"), "p50"),
                Query(quantile(0.95, "optimus_queue_processing_duration_seconds"), "p95"),
            ),
        ),
        Panel(
            "Slots",
            "short",
            "Messages in hand against slots. All in use while messages wait: more workers.",
            (Query("sum(optimus_worker_busy_slots)", "busy"), Query("sum(optimus_worker_slots)", "slots")),
            width=24,
        ),
    ),
)
