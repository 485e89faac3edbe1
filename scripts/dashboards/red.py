"""Rate, errors, duration of a service, the first section of its dashboard; then its replicas, lines and traces."""

from __future__ import annotations

from scripts.dashboards.model import Board, Kind, Panel, Query, Section, Store, Variable
from scripts.dashboards.promql import REQUESTS, errors, quantile, rate

MINE = 'instance=~"$instance"'


def requests_of(job: str, slow: float) -> Section:
    """Return the requests of a service; `slow` is the time in seconds from which its p95 is red."""
    where = f'job="{job}", {MINE}'
    return Section(
        "Requests: rate, errors, duration",
        (
            Panel(
                "Requests per second",
                "reqps",
                "Requests by route. If it falls to nothing while clients send: look at nginx-lb, then at the "
                "replicas below.",
                (Query(rate(f"{REQUESTS}_count", "http_route", where), "{{http_route}}"),),
            ),
            Panel(
                "Share of errors",
                "percentunit",
                "Share of requests answered with 5xx, by route. If it rises: open an error's trace below, and "
                "compare with the "
                "newest change (annotation); `invoke rollback` takes a bad deploy back.",
                (Query(errors("http_route", where), "{{http_route}}"),),
                warn=0.001,
                bad=0.0144,
            ),
            Panel(
                "Duration",
                "s",
                "Half and 95 % of requests are faster than this. Dots name traces: open a slow one to see where "
                "its time went.",
                (
                    Query(quantile(0.5, REQUESTS, "", where), "p50"),
                    Query(quantile(0.95, REQUESTS, "", where), "p95", exemplars=True),
                ),
                bad=slow,
            ),
            Panel(
                "Requests by tenant",
                "reqps",
                "Who asks. If one tenant floods the others: its bound in the tenants file "
                "(`requests_per_minute`) is too high.",
                (
                    Query(
                        rate("optimus_tenant_requests_total", "tenant", f'job="{job}", {MINE}, tenant=~"$tenant"'),
                        "{{tenant}}",
                    ),
                ),
            ),
            Panel(
                "Duration by tenant, p95",
                "s",
                "If one tenant is slow and the others are not, look at its model and the size of its prompts.",
                (
                    Query(
                        quantile(
                            0.95, "optimus_tenant_request_duration_seconds", "tenant", f'job="{job}", tenant=~"$tenant"'
                        ),
                        "{{tenant}}",
                    ),
                ),
            ),
            Panel(
                "In flight",
                "short",
                "Requests being served, by replica. If one replica has far more than the others: `invoke lb.check`.",
                (Query(f"sum by (instance) (http_server_active_requests{{{where}}})", "{{instance}}"),),
            ),
        ),
    )


def replicas_of(job: str) -> Section:
    """Return what the processes of a service use."""
    where = f'job="{job}", {MINE}'
    return Section(
        "Replicas",
        (
            Panel(
                "Replicas up",
                "short",
                "Replicas that answer /metrics, and those that drain. Fewer than asked for: `invoke status`, "
                "`invoke doctor`.",
                (
                    Query(f'sum(up{{job="{job}"}})', "up"),
                    Query(f'sum(optimus_draining{{job="{job}"}})', "draining"),
                ),
            ),
            Panel(
                "Memory",
                "bytes",
                "Resident memory by replica. If it only ever grows: restart by `invoke deploy --force`, and "
                "look for the leak.",
                (Query(f"sum by (instance) (process_resident_memory_bytes{{{where}}})", "{{instance}}"),),
            ),
            Panel(
                "Processor",
                "short",
                "Cores in use by replica. At its limit, requests queue: `invoke scale` to more replicas.",
                (Query(rate("process_cpu_seconds_total", "instance", where), "{{instance}}"),),
            ),
            Panel(
                "Spans lost",
                "ops",
                "Spans per second that no collector took. Above 0: Alloy is down or slow (dashboard Telemetry). "
                "Requests don't wait.",
                (Query(rate("otel_spans_dropped_total", "instance", where), "{{instance}}"),),
                width=12,
                warn=0.001,
            ),
            Panel(
                "Open files",
                "percentunit",
                "Share of file descriptors in use. Near 1, connections are refused: look for clients that don't "
                "close theirs.",
                (
                    Query(
                        f"max by (instance) (process_open_fds{{{where}}} / process_max_fds{{{where}}})", "{{instance}}"
                    ),
                ),
                width=12,
                warn=0.7,
                bad=0.9,
            ),
        ),
    )


def evidence_of(job: str, span: str) -> Section:
    """Return lines and traces of a service; `span` is the name of those that do its work."""
    return Section(
        "Lines and traces",
        (
            Panel(
                "Lines",
                "short",
                "Newest lines. A line's trace id leads to its trace; `invoke logs --trace ID` shows all of it.",
                (Query(f'{{service_name="{job}"}}', store=Store.LOKI),),
                Kind.LOGS,
                12,
            ),
            Panel(
                "Traces",
                "short",
                "Newest traces of its main work. Open one to see each hop, or `invoke traces.show ID` in a terminal.",
                (Query(f'{{ .service.name="{job}" && name="{span}" }}', store=Store.TEMPO),),
                Kind.TRACES,
                12,
            ),
        ),
    )


def service(job: str, summary: str, span: str, slow: float, *own: Section) -> Board:
    """Return the dashboard of a service that answers HTTP requests; `own` are its own sections."""
    variables = (Variable("instance", f'up{{job="{job}"}}'), Variable("tenant", "optimus_tenant_requests_total"))
    sections = (requests_of(job, slow), *own, replicas_of(job), evidence_of(job, span))
    return Board(f"optimus-{job}", f"Optimus: {job}", summary, sections, variables)
