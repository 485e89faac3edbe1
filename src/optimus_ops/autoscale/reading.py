"""`/metrics` of one replica: the figures that autoscaling needs, of the names in `docs/metrics.md`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

REQUESTS, ATTEMPTS = "http_server_request_duration_seconds", "optimus_queue_processing_duration_seconds"
CLASS_LABEL = {REQUESTS: "http_route", ATTEMPTS: ""}
IN_FLIGHT = ("http_server_active_requests", "optimus_worker_busy_slots")
QUEUE, QUEUE_AGE = "optimus_queue_messages", "optimus_queue_oldest_message_age_seconds"
TENANTS = "optimus_tenant_requests"
MESSAGES = "messages"
Key = TypeVar("Key", str, float)


@dataclass(frozen=True, slots=True)
class Ended:
    """Requests of a class that ended since the replica's start, and the seconds that they took together."""

    count: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a replica says of itself.

    Args:
        in_flight: requests or messages in hand; None where it tells none.
        worker: whether these come from a queue.
        buckets: upper bound in seconds -> requests that took no longer.
        waiting: messages in the queue, as it sees it; None where it doesn't look at the queue. `oldest` is in seconds.
    """

    in_flight: float | None = None
    worker: bool = False
    ended: Mapping[str, Ended] = field(default_factory=dict)
    buckets: Mapping[float, float] = field(default_factory=dict)
    tenants: Mapping[str, float] = field(default_factory=dict)
    waiting: float | None = None
    oldest: float = 0.0


def parse_reading(text: str) -> Reading:
    """Parse Prometheus' text format; raise ValueError where it is something else."""
    families = _families(text)
    duration = next((name for name in (ATTEMPTS, REQUESTS) if name in families), "")
    in_flight = [found.value for name in IN_FLIGHT for found in _samples(families, name)]
    worker = IN_FLIGHT[1] in families
    # The request that asks is one of those in flight.
    own = 0 if worker else 1
    waiting = [found.value for found in _samples(families, QUEUE) if found.labels.get("state") == "waiting"]
    return Reading(
        in_flight=max(sum(in_flight) - own, 0.0) if in_flight else None,
        worker=worker,
        ended=_ended(_samples(families, duration), CLASS_LABEL.get(duration, "")),
        buckets=_sums(_named(families, duration, "_bucket"), lambda found: float(found.labels["le"])),
        tenants=_sums(_named(families, TENANTS, "_total"), lambda found: found.labels.get("tenant", "")),
        waiting=max(waiting) if waiting else None,
        oldest=max((found.value for found in _samples(families, QUEUE_AGE)), default=0.0),
    )


def _families(text: str) -> dict[str, Metric]:
    try:
        return {family.name: family for family in text_string_to_metric_families(text)}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        # What the parser ends with where a line is no metric.
        raise ValueError("no metrics") from error


def _samples(families: Mapping[str, Metric], name: str) -> list[Sample]:
    return list(families[name].samples) if name in families else []


def _named(families: Mapping[str, Metric], name: str, suffix: str) -> list[Sample]:
    return [found for found in _samples(families, name) if found.name == f"{name}{suffix}"]


def _ended(samples: Iterable[Sample], label: str) -> dict[str, Ended]:
    counts: defaultdict[str, float] = defaultdict(float)
    seconds: defaultdict[str, float] = defaultdict(float)
    for found in samples:
        name = found.labels.get(label, "") if label else MESSAGES
        if found.name.endswith("_count"):
            counts[name] += found.value
        elif found.name.endswith("_sum"):
            seconds[name] += found.value
    return {name: Ended(count, seconds[name]) for name, count in counts.items()}


def _sums(samples: Iterable[Sample], key: Callable[[Sample], Key]) -> dict[Key, float]:
    sums: defaultdict[Key, float] = defaultdict(float)
    for found in samples:
        sums[key(found)] += found.value
    return dict(sums)
