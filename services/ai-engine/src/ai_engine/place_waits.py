"""Waits for a place at a provider: metrics, and an attribute of the request's span; and requests that wait to begin."""

from collections.abc import Iterator, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optimus_kit.fair_start import FairStart
from optimus_kit.shares import Shares, Waited
from optimus_kit.tracing import current_span

BUCKETS = (0.001, 0.01, 0.05, 0.25, 1.0, 2.0, 10.0)


class PlaceWaits:
    """Counts waits; see the module."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "optimus_provider_wait_seconds",
            "Time until a request had a place at a provider, or none in the end",
            ("provider", "outcome"),
            unit="seconds",
            buckets=BUCKETS,
            registry=registry,
        )
        # Few, and looked up at each request.
        self._seconds = cache(seconds.labels)

    def observe(self, provider: str, outcome: Waited, seconds: float) -> None:
        """Count a wait."""
        self._seconds(provider, outcome.value).observe(seconds)
        current_span().set("optimus.provider.wait", round(seconds, 6))


class PlacesCollector(Collector):
    """Counts who waits for places whenever /metrics is asked; `places` are those of each provider."""

    def __init__(self, places: Mapping[str, Shares]) -> None:
        self._places = places

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        waiting = GaugeMetricFamily(
            "optimus_provider_waiting_requests", "Requests that wait for a place at a provider", labels=("provider",)
        )
        for provider, places in self._places.items():
            waiting.add_metric((provider,), places.waiting())
        yield waiting


class StartsCollector(Collector):
    """Counts requests that wait until others are begun, and those refused instead, whenever /metrics is asked."""

    def __init__(self, starts: FairStart) -> None:
        self._starts = starts

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        waiting = "Requests that wait to be begun, since others of their tenant are under way beside another tenant's"
        yield GaugeMetricFamily("optimus_start_waiting_requests", waiting, self._starts.waiting())
        refused = "Requests that would have waited too long to be begun"
        yield CounterMetricFamily("optimus_start_refused_requests", refused, self._starts.refusals)
