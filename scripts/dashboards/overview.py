"""The dashboard that one opens first: all services and tenants, queue, cost, stores."""

from __future__ import annotations

from scripts.dashboards.balancer import LINES
from scripts.dashboards.model import Board, Kind, Panel, Query, Section, Store, Variable
from scripts.dashboards.promql import REQUESTS, errors, quantile, rate
from scripts.dashboards.service_sections import QUEUE
from scripts.dashboards.stores import REDIS

JOBS = 'job=~"$service"'
TENANTS = 'tenant=~"$tenant"'

SERVICES = Section(
    "Services: rate, errors, duration",
    (
        Panel(
            "Requests per second",
            "reqps",
            "By service. If one falls while others don't: open its dashboard (links above).",
            (Query(rate(f"{REQUESTS}_count", "job", JOBS), "{{job}}"),),
        ),
        Panel(
            "Share of errors",
            "percentunit",
            "Share of 5xx by service. If it rises after a change (annotation): `invoke rollback`.",
            (Query(errors("job", JOBS), "{{job}}"),),
            warn=0.001,
            bad=0.0144,
        ),
        Panel(
            "Duration, p95",
            "s",
            "By service; dots name traces. If ai-engine's alone rises, providers are slow.",
            (Query(quantile(0.95, REQUESTS, "job", JOBS), "{{job}}", exemplars=True),),
        ),
        Panel(
            "Replicas up",
            "short",
            "Replicas that answer /metrics. Fewer than asked for: `invoke status`, `invoke doctor`.",
            (Query(f"sum by (job) (up{{{JOBS}}})", "{{job}}"),),
        ),
        Panel(
            "In flight",
            "short",
            "Requests being served. If it stays high while few are answered: `invoke scale`.",
            (Query(f"sum by (job) (http_server_active_requests{{{JOBS}}})", "{{job}}"),),
        ),
        Panel(
            "5xx at the balancer",
            "short",
            "What clients got, from the access log, in each interval. More than services say: no replica answered.",
            (
                Query(
                    f"sum by (port) (count_over_time({LINES} | json | status >= 500 [$__auto]))", "{{port}}", Store.LOKI
                ),
            ),
            bad=1,
        ),
    ),
)

BY_TENANT = Section(
    "Tenants: rate, errors, duration",
    (
        Panel(
            "Requests per second",
            "reqps",
            "By tenant. If one floods the others: bound it in the tenants file.",
            (Query(rate("optimus_tenant_requests_total", "tenant", TENANTS), "{{tenant}}"),),
        ),
        Panel(
            "Refused or failed",
            "reqps",
            "By class of the answer; 4xx has the 429 of who is throttled. If 5xx: see the services above.",
            (
                Query(
                    rate(
                        "optimus_tenant_requests_total", "tenant, status_class", f'{TENANTS}, status_class=~"4xx|5xx"'
                    ),
                    "{{tenant}} {{status_class}}",
                ),
            ),
        ),
        Panel(
            "Duration, p95",
            "s",
            "If one tenant is slow and the others are not, look at its model and prompts.",
            (Query(quantile(0.95, "optimus_tenant_request_duration_seconds", "tenant", TENANTS), "{{tenant}}"),),
        ),
        Panel(
            "Tokens per second",
            "short",
            "By tenant and model. A tenant that grows suddenly may loop: ask it.",
            (
                Query(
                    rate("gen_ai_client_token_usage_total", "tenant, gen_ai_request_model", TENANTS),
                    "{{tenant}} {{gen_ai_request_model}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Cost per hour",
            "currencyUSD",
            "US dollars an hour by tenant and model. If it is too high: bound the tenant or change its model.",
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

RECORDS = Section(
    "Database connections, spans, traces",
    (
        Panel(
            "Connections against budget",
            "percentunit",
            "Share of memory-engine's connections in use. Near 1, requests wait: docs/budgets.md.",
            (Query('sum(db_client_connections{state="used"}) / sum(db_client_connections_max)', "used"),),
            warn=0.7,
            bad=0.9,
        ),
        Panel(
            "Spans per second",
            "ops",
            "Exported and lost. If `lost` rises: dashboard Telemetry. Requests don't wait for it.",
            (Query(rate("otel_spans_exported_total"), "exported"), Query(rate("otel_spans_dropped_total"), "lost")),
        ),
        Panel(
            "Refused and failed answers",
            "short",
            "Newest traces in which ai-engine answered 4xx or 5xx: open one to see the hop that failed.",
            (Query('{ .service.name="ai-engine" && .http.response.status_code >= 400 }', store=Store.TEMPO),),
            Kind.TRACES,
        ),
    ),
)

OVERVIEW = Board(
    "optimus-overview",
    "Optimus: platform overview",
    "Is the platform well, and for whom not.",
    (SERVICES, BY_TENANT, QUEUE, RECORDS, REDIS),
    (Variable("service", f"{REQUESTS}_count"), Variable("tenant", "optimus_tenant_requests_total")),
)
