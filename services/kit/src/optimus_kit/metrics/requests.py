"""HTTP requests by route, method and status, and by tenant; how many are served now."""

import os
import time
from bisect import bisect_left
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from optimus_kit.drain import Drain
from optimus_kit.metrics.exposition import Metrics
from optimus_kit.prefork import MULTIPROCESS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
# Few, because there are as many histograms as tenants.
TENANT_BUCKETS = (0.1, 0.5, 2.5, 10.0, 60.0)
EXAMPLE_SECONDS = 1.0


class RequestMetrics:
    """Counts requests; see the module.

    Args:
        metrics: where they are shown.
        drain: knows how many requests are served now.
        clock: monotonic, in seconds.
    """

    def __init__(self, metrics: Metrics, drain: Drain, clock: Callable[[], float] = time.monotonic) -> None:
        registry = metrics.registry
        self._clock = clock
        self._drain = drain
        self._shared = bool(os.environ.get(MULTIPROCESS))
        self._seconds = Histogram(
            "http_server_request_duration_seconds",
            "Time to the last byte of the answer",
            ("http_request_method", "http_route", "http_response_status_code"),
            unit="seconds",
            buckets=BUCKETS,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests and WebSockets being served",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._tenant_requests = Counter(
            "optimus_tenant_requests",
            "Requests of a tenant, by the answer's class (2xx)",
            ("tenant", "status_class"),
            registry=registry,
        )
        self._tenant_seconds = Histogram(
            "optimus_tenant_request_duration_seconds",
            "Time to the last byte of the answer to a tenant",
            ("tenant",),
            unit="seconds",
            buckets=TENANT_BUCKETS,
            registry=registry,
        )
        self._example_due: dict[tuple[str, str, int, int], float] = {}
        self._by_route: dict[tuple[str, str, int], Histogram] = {}
        self._by_tenant: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        metrics.before(lambda: self._active.set(drain.inflight))

    def inflight_changed(self) -> None:
        """Note what is in flight, for the other processes: they read it when they are asked."""
        if self._shared:
            self._active.set(self._drain.inflight)

    def observe(
        self, route: str, method: str, status: int, seconds: float, tenant: str | None, trace_id: str | None
    ) -> None:
        """Count one request.

        Args:
            route: the route's template.
            method: one of few.
            status: of the answer.
            seconds: that it took.
            tenant: whose it is, where that is known; one of few.
            trace_id: of its trace if that is kept: shown as an example of requests that took so long.
        """
        key = (route, method, status)
        histogram = self._by_route.get(key)
        if histogram is None:
            histogram = self._by_route[key] = self._seconds.labels(method, route, str(status))
        # Exemplars are not kept where several processes share their counts.
        wanted = trace_id and not self._shared and self._lacks_example(key, seconds)
        histogram.observe(seconds, {"trace_id": str(trace_id)} if wanted else None)
        if tenant is not None:
            counter, durations = self._of_tenant(tenant, status // 100)
            counter.inc()
            durations.observe(seconds)

    def _lacks_example(self, key: tuple[str, str, int], seconds: float) -> bool:
        """Tell whether a bucket has no recent example: each costs more than counting does, and a scrape sees one."""
        bucket = (*key, bisect_left(BUCKETS, seconds))
        now = self._clock()
        if now < self._example_due.get(bucket, now):
            return False
        self._example_due[bucket] = now + EXAMPLE_SECONDS
        return True

    def _of_tenant(self, tenant: str, status_class: int) -> tuple[Counter, Histogram]:
        children = self._by_tenant.get((tenant, status_class))
        if children is None:
            children = self._by_tenant[tenant, status_class] = (
                self._tenant_requests.labels(tenant, f"{status_class}xx"),
                self._tenant_seconds.labels(tenant),
            )
        return children
