"""Counters that several services have, and counters of what is counted elsewhere."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter


def tenant_key_counter(registry: CollectorRegistry) -> Callable[[str, str], None]:
    """Make what counts, by tenant, which key a request showed while two are valid: "primary" or "secondary"."""
    counter = Counter(
        "optimus_tenant_key_matches",
        "Requests by the tenant's key that they showed, while it is rotated",
        ("tenant", "secret"),
        registry=registry,
    )
    return lambda tenant, secret: counter.labels(tenant, secret).inc()


class Following:
    """Makes a counter follow a total that is counted elsewhere in this process."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._seen = 0.0

    def __call__(self, total: float) -> None:
        """Take the total as it is now."""
        if total > self._seen:
            self._counter.inc(total - self._seen)
            self._seen = total
