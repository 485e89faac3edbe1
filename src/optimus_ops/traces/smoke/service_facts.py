"""How services of a stack export spans: their variables, and the counters in their `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimus_ops.http.address import HttpAddress
from optimus_ops.model.state import Replica, State
from optimus_ops.system.wait import run_parallel
from optimus_ops.traces.smoke.evidence import ExportSettings, ServiceFacts
from optimus_ops.traces.stack_stores import replicas_of
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_http import StoreClient

SECONDS = 2.0
EXPORTED, DROPPED = "otel_spans_exported_total", "otel_spans_dropped_total"
TRUE = frozenset({"true", "1", "yes", "on"})
Counts = Mapping[str, tuple[float, float]]
"""Container -> spans exported and dropped since its start."""


def running(state: State, service: str) -> tuple[Replica, ...]:
    """Return the running replicas of a service."""
    return tuple(replica for replica in replicas_of(state, service) if replica.running)


def count_spans(state: State, metrics: Mapping[str, int]) -> Counts:
    """Return the counts of all replicas that tell them; `metrics` has the port of each service's metrics."""
    asked = [(replica, port) for service, port in metrics.items() for replica in running(state, service)]
    if not asked:
        return {}
    found = run_parallel(_counts, asked)
    return {replica.id: counts for (replica, _port), counts in zip(asked, found, strict=True) if counts}


def describe_services(
    state: State, services: Sequence[str], before: Counts, after: Counts
) -> Mapping[str, ServiceFacts]:
    """Return the facts of services, with what their counters grew by in between."""
    return {service: _facts(service, running(state, service), before, after) for service in services}


def _facts(service: str, replicas: Sequence[Replica], before: Counts, after: Counts) -> ServiceFacts:
    counted = [
        [now - earlier for now, earlier in zip(after[replica.id], before.get(replica.id, (0.0, 0.0)), strict=True)]
        for replica in replicas
        if replica.id in after
    ]
    return ServiceFacts(
        service,
        tuple(_settings(replica.environment) for replica in replicas),
        sum(exported for exported, _dropped in counted) if counted else None,
        sum(dropped for _exported, dropped in counted) if counted else None,
    )


def _settings(environ: Mapping[str, str]) -> ExportSettings:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    return ExportSettings(_endpoint(environ), sampler, environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip())


def _endpoint(environ: Mapping[str, str]) -> str:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() in TRUE:
        return ""
    own = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    return own or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()


def _counts(asked: tuple[Replica, int]) -> tuple[float, float] | None:
    replica, port = asked
    for address in filter(None, replica.addresses.values()):
        try:
            answer = StoreClient(HttpAddress("http", address, port), SECONDS).get("/metrics")
        except StoreFailed:
            continue
        text = answer.content.decode("utf-8", "replace")
        if answer.status == 200 and EXPORTED in text:
            return _sum(text, EXPORTED), _sum(text, DROPPED)
    return None


def _sum(text: str, name: str) -> float:
    """Return the sum of a counter's series in the text form of Prometheus, or OpenMetrics."""
    total = 0.0
    for line in text.splitlines():
        if line.startswith((f"{name} ", f"{name}{{")):
            try:
                total += float(line.rpartition("}")[2].removeprefix(name).split()[0])
            except (ValueError, IndexError):
                continue
    return total
