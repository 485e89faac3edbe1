"""How provider keys are, for /metrics, the dashboard and `invoke status`: never the keys themselves."""

import time
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ai_engine.providers.openai import OpenAIProvider
from optimus_kit.tenancy import Tenants


def presence_of(providers: Sequence[OpenAIProvider]) -> dict[str, object]:
    """Return what the replica's presence says of its keys; `retry_at` is in seconds since the epoch, 0 for now."""
    return {
        "provider_keys": [
            {
                "provider": provider.name,
                "key": state.key,
                "state": state.state,
                "reason": state.reason,
                "retry_at": round(time.time() + state.retry_in) if state.retry_in else 0,
                "tenants": list(state.tenants),
            }
            for provider in providers
            for state in provider.key_states()
        ]
    }


class KeyCollector(Collector):
    """Reads keys and tenants whenever /metrics is asked.

    Args:
        providers: returns those with keys.
        tenants: whose file may not be in use.
    """

    def __init__(self, providers: Callable[[], Sequence[OpenAIProvider]], tenants: Tenants) -> None:
        self._providers = providers
        self._tenants = tenants

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        state = GaugeMetricFamily(
            "optimus_provider_key_state",
            "1 for the state that a provider's key is in, and why",
            labels=("provider", "key", "state", "reason"),
        )
        held_back = GaugeMetricFamily(
            "optimus_provider_key_held_back",
            "1 for a tenant that may not use a key that others may",
            labels=("provider", "key", "tenant"),
        )
        retry = GaugeMetricFamily(
            "optimus_provider_key_retry_seconds",
            "Time until a key is tried again",
            labels=("provider", "key"),
            unit="seconds",
        )
        failures = CounterMetricFamily(
            "optimus_provider_key_failures", "Attempts that failed", labels=("provider", "key", "reason")
        )
        busy = GaugeMetricFamily("optimus_provider_requests", "Requests to a provider under way", labels=("provider",))
        for provider in self._providers():
            for key in provider.key_states():
                state.add_metric((provider.name, str(key.key), key.state, key.reason), 1)
                for tenant in key.tenants:
                    held_back.add_metric((provider.name, str(key.key), tenant), 1)
                retry.add_metric((provider.name, str(key.key)), round(key.retry_in, 1))
            for (number, reason), count in provider.key_failures().items():
                failures.add_metric((provider.name, str(number), reason), count)
            busy.add_metric((provider.name,), provider.places_used())
        refused = GaugeMetricFamily("optimus_tenants_file_refused", "1 while the tenants file cannot be used")
        refused.add_metric((), float(self._tenants.problem is not None))
        yield from (state, held_back, retry, failures, busy, refused)
