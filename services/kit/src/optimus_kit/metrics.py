"""Prometheus metrics of one service process, or of all of them when PROMETHEUS_MULTIPROC_DIR is set."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from optimus_kit.drain import Drain
from optimus_kit.prefork import MULTIPROCESS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


def tenant_key_counter(registry: CollectorRegistry) -> Callable[[str, str], None]:
    """Make what counts, by tenant, which key a request showed while two are valid: "primary" or "secondary"."""
    counter = Counter(
        "optimus_tenant_key_matches",
        "Requests by the tenant's key that they showed, while it is rotated",
        ("tenant", "secret"),
        registry=registry,
    )
    return lambda tenant, secret: counter.labels(tenant, secret).inc()


class Metrics:
    """Requests by route, method and status; their time; what is in flight; whether the process drains.

    Attributes:
        registry: for a service's own metrics.
    """

    def __init__(self, service: str, drain: Drain) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "optimus_http_requests",
            "HTTP requests served",
            ("service", "route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "optimus_http_request_duration_seconds",
            "Time to the last byte",
            ("service", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        inflight = Gauge(
            "optimus_inflight_requests",
            "Requests and WebSockets being served",
            ("service",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        draining = Gauge(
            "optimus_draining",
            "1 while the process drains",
            ("service",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._inflight = inflight.labels(service)
        self._draining = draining.labels(service)
        self._service = service
        self._drain = drain
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._collectors: list[Collector] = []
        self._shared = bool(os.environ.get(MULTIPROCESS))

    def add(self, collector: Collector) -> None:
        """Show what a collector reads when it is asked; of several processes, it speaks for the one that answers."""
        self._collectors.append(collector)
        self.registry.register(collector)

    def inflight_changed(self) -> None:
        """Note what is in flight, for the other processes: they read it when they are asked."""
        if self._shared:
            self._inflight.set(self._drain.inflight)

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (route, method, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = (
                self._requests.labels(self._service, route, method, str(status)),
                self._seconds.labels(self._service, route),
            )
        children[0].inc()
        children[1].observe(seconds)

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        self._inflight.set(self._drain.inflight)
        self._draining.set(float(self._drain.draining))
        registry = self.registry
        if self._shared:
            registry = CollectorRegistry()
            registry.register(ProcessFiles(Path(os.environ[MULTIPROCESS])))
            for collector in self._collectors:
                registry.register(collector)
        return generate_latest(registry), CONTENT_TYPE_LATEST


class ProcessFiles(Collector):
    """What all processes counted, from the files that they share.

    The file of a process that is just making it, or was killed meanwhile, is empty, which the library's own collector
    can't read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the metrics, summed up."""
        merge = MultiProcessCollector.merge
        metrics: Iterable[Metric] = merge(list(self._begun()), accumulate=True)  # type: ignore[no-untyped-call]
        return metrics

    def _begun(self) -> Iterator[str]:
        for file in self._folder.glob("*.db"):
            try:
                if file.stat().st_size:
                    yield str(file)
            except FileNotFoundError:
                # Of a process that has just ended.
                continue
