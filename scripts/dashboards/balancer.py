"""The dashboard of nginx-lb, which has no /metrics: from its access log."""

from __future__ import annotations

from scripts.dashboards.model import Board, Kind, Panel, Query, Section, Store

LINES = '{service_name="nginx-lb"}'

BALANCER = Board(
    "optimus-nginx-lb",
    "Optimus: nginx-lb",
    "The one door: what clients got, from the access log.",
    (
        Section(
            "Requests: rate, errors, duration",
            (
                Panel(
                    "Requests by status",
                    "short",
                    "Requests in each interval, by status. Compare with the services': what they don't know, nginx "
                    "answered itself.",
                    (Query(f"sum by (status) (count_over_time({LINES} | json [$__auto]))", "{{status}}", Store.LOKI),),
                ),
                Panel(
                    "Errors by port",
                    "short",
                    "Answers of 5xx in each interval, by port (8010 ai-engine, 8020 backend-orchestrator). 502 and "
                    "504: no replica answered; `invoke lb.check`.",
                    (
                        Query(
                            f"sum by (port) (count_over_time({LINES} | json | status >= 500 [$__auto]))",
                            "{{port}}",
                            Store.LOKI,
                        ),
                    ),
                    bad=1,
                ),
                Panel(
                    "Slow requests by port",
                    "short",
                    "Requests that took more than a second as clients saw it, in each interval. More than the "
                    "service's own durations say: they waited here.",
                    (
                        Query(
                            f"sum by (port) (count_over_time({LINES} | json | seconds > 1 [$__auto]))",
                            "{{port}}",
                            Store.LOKI,
                        ),
                    ),
                ),
            ),
        ),
        Section(
            "Lines",
            (
                Panel(
                    "Errors",
                    "short",
                    "Requests that failed. Their trace_id leads to the trace.",
                    (Query(f'{LINES} |= `"status":5`', store=Store.LOKI),),
                    Kind.LOGS,
                    12,
                ),
                Panel(
                    "All lines",
                    "short",
                    "Newest requests and what nginx says.",
                    (Query(LINES, store=Store.LOKI),),
                    Kind.LOGS,
                    12,
                ),
            ),
        ),
    ),
)
