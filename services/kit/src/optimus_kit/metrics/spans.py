"""What has become of a process's spans, as metrics."""

from collections.abc import Callable

from prometheus_client import Counter

from optimus_kit.metrics.counters import Following
from optimus_kit.metrics.exposition import Metrics
from optimus_kit.telemetry.counts import SpanCounts


def show_spans(metrics: Metrics, counts: Callable[[], SpanCounts]) -> None:
    """Show what `counts` returns."""
    registry = metrics.registry
    exported = Following(Counter("otel_spans_exported", "Spans that the collector has taken", registry=registry))
    dropped = Following(
        Counter("otel_spans_dropped", "Spans that no collector took, or that found the queue full", registry=registry)
    )

    def update() -> None:
        now = counts()
        exported(now.exported)
        dropped(now.dropped)

    metrics.before(update)
