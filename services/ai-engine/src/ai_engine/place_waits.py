"""Waits for a place at a provider: metrics, and an attribute of the request's span."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optimus_kit.shares import Shares, Waited
from optimus_kit.tracing import current_span

BUCKETS = (0.001, 0.01, 0.05, 0.25, 1.0, 2.0, 10.0)


class PlaceWaits:
    """Counts waits; see the module."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "optimus_provider_wait_seconds",
            "Time until a request had a place at a provider, or none in the end",
            ("provider", "outcome"),
            unit="seconds",
            buckets=BUCKETS,
            registry=registry,
        )

    def observe(self, provider: str, outcome: Waited, seconds: float) -> None:
        """Count a wait."""
        self._seconds.labels(provider, outcome.value).observe(seconds)
        current_span().set("optimus.provider.wait", round(seconds, 6))


class PlacesCollector(Collector):
    """Counts places and who waits for them whenever /metrics is asked; `places` returns them by provider."""

    def __init__(self, places: Mapping[str, Shares]) -> None:
        self._places = places

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        waiting = GaugeMetricFamily(
            "optimus_provider_waiting_requests", "Requests that wait for a place at a provider", labels=("provider",)
        )
        limit = GaugeMetricFamily(
            "optimus_provider_places", "Places at a provider; fewer while the process is late", labels=("provider",)
        )
        for provider, places in self._places.items():
            waiting.add_metric((provider,), places.waiting())
            limit.add_metric((provider,), places.limit())
        yield from (waiting, limit)
