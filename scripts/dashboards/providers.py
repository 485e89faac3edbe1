"""Providers of language models: calls, times, tokens, cost."""

from __future__ import annotations

from scripts.dashboards.model import Panel, Query, Section
from scripts.dashboards.promql import quantile, rate

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
            "Waits for a place",
            "reqps",
            "Requests by provider and what their wait for a connection came to. `refused` is a tenant's own backlog: "
            "see its requests; if tenants need that much, add replicas or raise PROVIDER_CONNECTIONS.",
            (Query(rate("optimus_provider_wait_seconds_count", "provider, outcome"), "{{provider}} {{outcome}}"),),
            width=12,
        ),
        Panel(
            "Requests that wait",
            "short",
            "Requests in the tenants' queues for a provider's connections. If some wait all the time, one more replica "
            "would serve them.",
            (Query("sum by (provider) (optimus_provider_waiting_requests)", "{{provider}}"),),
            width=12,
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
