"""Dashboards of the services: what each alone has, beside rate, errors and duration."""

from __future__ import annotations

from scripts.dashboards.model import Board, Panel, Query, Section, Variable
from scripts.dashboards.promql import quantile, rate
from scripts.dashboards.red import evidence_of, replicas_of, service

TENANTS = 'tenant=~"$tenant"'
PROVIDER = "gen_ai_client_operation_duration_seconds"

PROVIDERS = Section(
    "Providers, tokens, cost",
    (
        Panel(
            "Provider calls",
            "reqps",
            "Calls by model and how they ended; no error type is an answer. If `rate_limited` rises: add "
            "keys to the pool.",
            (
                Query(
                    rate(f"{PROVIDER}_count", "gen_ai_request_model, error_type"),
                    "{{gen_ai_request_model}} {{error_type}}",
                ),
            ),
        ),
        Panel(
            "Provider's time, p95",
            "s",
            "Time of a whole answer. If it rises and ours does not, the provider is slow: change the fallback.",
            (Query(quantile(0.95, PROVIDER, "gen_ai_request_model"), "{{gen_ai_request_model}}"),),
            bad=60,
        ),
        Panel(
            "Time to first token, p95",
            "s",
            "What a reader of a stream waits for. If it rises while calls are few, the provider is slow.",
            (
                Query(
                    quantile(0.95, "gen_ai_server_time_to_first_token_seconds", "gen_ai_request_model"),
                    "{{gen_ai_request_model}}",
                ),
            ),
            warn=2,
            bad=10,
        ),
        Panel(
            "Tokens per second",
            "short",
            "Tokens by tenant and direction. A tenant that grows suddenly may loop: ask it.",
            (
                Query(
                    rate("gen_ai_client_token_usage_total", "tenant, gen_ai_token_type", TENANTS),
                    "{{tenant}} {{gen_ai_token_type}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Cost per hour",
            "currencyUSD",
            "US dollars an hour by tenant and model, by the prices of .env.models. If it is too high: bound "
            "the tenant.",
            (
                Query(
                    f"3600 * {rate('optimus_llm_cost_usd_total', 'tenant, gen_ai_request_model', TENANTS)}",
                    "{{tenant}} {{gen_ai_request_model}}",
                ),
            ),
            width=12,
        ),
    ),
)

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

WORKER = "orchestrator-worker"

SERVICES: tuple[Board, ...] = (
    service("ai-engine", "Answers of language models.", "POST /v1/chat/completions", 30, PROVIDERS),
    service("backend-orchestrator", "Webhooks and the queue.", "POST /webhooks/whatsapp", 1, QUEUE),
    service("memory-engine", "What tenants remember.", "POST /v1/memories/search", 1, CONNECTIONS),
    Board(
        f"optimus-{WORKER}",
        f"Optimus: {WORKER}",
        "Takes messages from the queue and has them answered.",
        (ATTEMPTS, replicas_of(WORKER), evidence_of(WORKER, "process optimus:inbound")),
        (Variable("instance", f'up{{job="{WORKER}"}}'),),
    ),
)
