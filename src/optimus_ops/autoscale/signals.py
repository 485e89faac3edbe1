"""Signals of a service, from two readings of its replicas: rates, service times, what is in flight. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optimus_ops.autoscale.model import ClassLoad, Signals
from optimus_ops.autoscale.reading import Ended, Reading
from optimus_ops.model.state import Replica

FIRST_READING = "rates (this is the first reading)"
QUEUE = "the queue (no replica that looks at it answers)"
NO_READY = "a ready replica (those that run start, or are unhealthy)"
P99 = 0.99
LEAST_SECONDS = 0.1
"""Between two readings: rates over less say nothing."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What replicas (by id) said at a time; `waiting` and `oldest` are those of the one queue, None if nobody tells."""

    at: float
    replicas: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def waiting(self) -> float | None:
        """Messages in the queue: all that see it see the same one."""
        return max((found.waiting for found in self.replicas.values() if found.waiting is not None), default=None)

    @property
    def oldest(self) -> float:
        """Age of the oldest message, in seconds."""
        return max((found.oldest for found in self.replicas.values()), default=0.0)


def service_signals(replicas: Iterable[Replica], before: Readings | None, now: Readings) -> Signals:
    """Return the signals of a service whose containers are given."""
    running = [replica for replica in replicas if replica.running]
    ready = [replica for replica in running if replica.ready]
    found = {replica.id: now.replicas[replica.id] for replica in ready if replica.id in now.replicas}
    workers = any(reading.worker for reading in found.values())
    missing = [f"/metrics of {replica.name}" for replica in ready if replica.id not in found]
    missing += [
        f"requests in flight of {replica.name}"
        for replica in ready
        if replica.id in found and found[replica.id].in_flight is None
    ]
    missing += [NO_READY] if running and not ready else []
    missing += [QUEUE] if workers and now.waiting is None else []
    missing += [FIRST_READING] if before is None else []
    before = before or now
    waiting = now.waiting if workers and now.waiting is not None else 0.0
    grown = waiting - (before.waiting or 0.0) if workers and before.waiting is not None else 0.0
    return Signals(
        now.at,
        len(ready),
        len(running) - len(ready),
        in_flight=_in_flight(found.values()),
        queued=waiting,
        oldest=now.oldest if workers else 0.0,
        classes=class_loads(found, before, now, grown),
        p99=percentile_of(found.values()),
        tenants=_tenants(found, before, now),
        missing=tuple(missing),
    )


def class_loads(
    found: Mapping[str, Reading], before: Readings, now: Readings, waiting_grown: float = 0.0
) -> tuple[ClassLoad, ...]:
    """Return arrivals and service time of each class.

    What arrived is what ended and what is in flight or waits more than before: histograms count requests when they
    end, which is late in a rush. What has not ended yet is shared by the classes as what has.
    """
    seconds = now.at - before.at
    if seconds < LEAST_SECONDS:
        return ()
    ended = _ended_since(found, before)
    count = sum(one_class.count for one_class in ended.values())
    earlier = {replica: reading for replica, reading in before.replicas.items() if replica in found}
    arrived = count + _in_flight(found.values()) - _in_flight(earlier.values()) + waiting_grown
    if not count:
        # Nothing has ended: how long requests take is not known.
        return (ClassLoad("", max(arrived, 0.0) / seconds, 0.0),) if arrived > 0 else ()
    factor = max(arrived, 0.0) / count / seconds
    return tuple(
        ClassLoad(name, own.count * factor, own.seconds / own.count) for name, own in sorted(ended.items()) if own.count
    )


def percentile_of(readings: Iterable[Reading], share: float = P99) -> float:
    """Return the smallest bound of a bucket that so many requests kept; 0 without such a bound, or requests."""
    counts: defaultdict[float, float] = defaultdict(float)
    for reading in readings:
        for bound, count in reading.buckets.items():
            counts[bound] += count
    enough = share * max(counts.values(), default=0.0)
    bounds = [bound for bound, count in counts.items() if enough and count >= enough and not math.isinf(bound)]
    return min(bounds, default=0.0)


def _in_flight(readings: Iterable[Reading]) -> float:
    return sum(reading.in_flight or 0.0 for reading in readings)


def _ended_since(found: Mapping[str, Reading], before: Readings) -> dict[str, Ended]:
    counts: defaultdict[str, float] = defaultdict(float)
    seconds: defaultdict[str, float] = defaultdict(float)
    for replica, reading in found.items():
        earlier = before.replicas[replica].ended if replica in before.replicas else {}
        for name, own in reading.ended.items():
            last = earlier.get(name, Ended())
            # A replica that was started again counts from 0.
            last = Ended() if last.count > own.count else last
            counts[name] += own.count - last.count
            seconds[name] += max(own.seconds - last.seconds, 0.0)
    return {name: Ended(count, seconds[name]) for name, count in counts.items()}


def _tenants(found: Mapping[str, Reading], before: Readings, now: Readings) -> dict[str, float]:
    rates: defaultdict[str, float] = defaultdict(float)
    for replica, reading in found.items():
        earlier = before.replicas[replica].tenants if replica in before.replicas else {}
        for tenant, count in reading.tenants.items():
            last = earlier.get(tenant, 0.0)
            rates[tenant] += count - (last if last <= count else 0.0)
    seconds = now.at - before.at
    return {tenant: count / seconds for tenant, count in rates.items() if count and seconds >= LEAST_SECONDS}
