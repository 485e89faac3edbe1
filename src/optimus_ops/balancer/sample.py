"""Samples of replicas' traffic, counted from the balancer's log in bounded memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optimus_ops.balancer.access_log import Attempt, Request

KEPT_LATENCIES = 20_000
"""Of all replicas together."""


@dataclass(frozen=True, slots=True)
class TrafficSample:
    """The traffic of one replica, or of several.

    Args:
        answers: status -> how many; the balancer's 502 and 504 stand for a connection that was cut, and for no answer
            in time.
        begun: of the requests, those that began in the window as well.
        latencies: seconds until the head of the answer, of requests that began in the window and did not fail; a
            uniform choice of them where there were many. For a plain answer the head comes when practically all of the
            work is done; the rest of a stream is as long as its text and as slow as its reader, and how long a
            WebSocket lasts is its client's affair: neither says anything about the replica.
    """

    requests: int = 0
    answers: Mapping[int, int] = field(default_factory=dict)
    connect_failures: int = 0
    abandoned: int = 0
    begun: int = 0
    latencies: tuple[float, ...] = ()
    replicas: int = 1

    @property
    def failures(self) -> int:
        """Requests without a useful answer: 5xx, no connection, or a client that went away."""
        return self.count(500, 599) + self.connect_failures + self.abandoned

    @property
    def refusals(self) -> int:
        """Requests refused as the client's mistake: 4xx without 429, a limit that all share."""
        return self.count(400, 499) - self.answers.get(429, 0)

    def count(self, first: int, last: int) -> int:
        """Return how many answers had a status from `first` to `last`."""
        return sum(count for status, count in self.answers.items() if first <= status <= last)


def merged(samples: Iterable[TrafficSample]) -> TrafficSample:
    """Return the sample of several replicas together."""
    samples = tuple(samples)
    answers: Counter[int] = Counter()
    for sample in samples:
        answers.update(sample.answers)
    return TrafficSample(
        requests=sum(sample.requests for sample in samples),
        answers=dict(answers),
        connect_failures=sum(sample.connect_failures for sample in samples),
        abandoned=sum(sample.abandoned for sample in samples),
        begun=sum(sample.begun for sample in samples),
        latencies=tuple(latency for sample in samples for latency in sample.latencies),
        replicas=sum(sample.replicas for sample in samples),
    )


class TrafficCounter:
    """Counts requests per replica.

    Latencies are chosen from all replicas together (Vitter's algorithm R), so that each stands for equally many
    requests whichever replica it comes from.
    """

    def __init__(self, replicas: Mapping[str, str], *, kept: int = KEPT_LATENCIES) -> None:
        """Count for replicas (IP address -> name, which may repeat), keeping so many latencies."""
        self._replicas = dict(replicas)
        self._kept = kept
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in self._replicas.values()}
        self._answers: dict[str, Counter[int]] = {name: Counter() for name in self._counts}
        self._latencies: list[tuple[str, float]] = []
        self._offered = 0
        # Nobody gains by guessing it, and the same log gives the same sample.
        self._random = random.Random(0)  # noqa: S311

    def add(self, request: Request, elapsed: float) -> None:
        """Count a request that ended `elapsed` seconds after the window began."""
        in_window = request.seconds <= elapsed
        for attempt in request.attempts:
            if (name := self._replicas.get(attempt.address)) is not None:
                self._add(name, attempt, in_window=in_window)

    def _add(self, name: str, attempt: Attempt, *, in_window: bool) -> None:
        counts = self._counts[name]
        counts["requests"] += 1
        counts["begun"] += in_window
        if attempt.status is None:
            counts["abandoned"] += 1
        elif not attempt.connected:
            counts["connect_failures"] += 1
        else:
            self._answers[name][attempt.status] += 1
            # New replicas have no requests from before the window. Those of the old ones must not count either: they
            # would be the long ones.
            if in_window and attempt.seconds is not None and attempt.status < 500:
                self._offer(name, attempt.seconds)

    def _offer(self, name: str, latency: float) -> None:
        self._offered += 1
        if len(self._latencies) < self._kept:
            self._latencies.append((name, latency))
        elif (index := self._random.randrange(self._offered)) < self._kept:
            self._latencies[index] = (name, latency)

    def samples(self) -> dict[str, TrafficSample]:
        """Return replica -> its traffic until now."""
        latencies: dict[str, list[float]] = {name: [] for name in self._counts}
        for name, latency in self._latencies:
            latencies[name].append(latency)
        return {
            name: TrafficSample(answers=dict(self._answers[name]), latencies=tuple(latencies[name]), **counts)
            for name, counts in self._counts.items()
        }
