"""Values of a simulation: what arrives, how replicas serve it, and what a rule made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimus_ops.autoscale.model import ServiceSettings


@dataclass(frozen=True, slots=True)
class RequestKind:
    """A class of requests: its mean service time, and how long it may wait for a slot; in seconds."""

    name: str
    seconds: float
    most_wait: float = 0.5


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Requests per second: for each class a rate in each second from 0 on.

    `step` is the second at which the rate of a spike has reached its top; None where there is none.
    """

    name: str
    kinds: tuple[RequestKind, ...]
    rates: Mapping[str, tuple[float, ...]]
    step: int | None = None

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return max((len(rates) for rates in self.rates.values()), default=0)

    def offered(self, second: int) -> float:
        """Return the load in a second: requests that are served at once, by Little's law."""
        return sum(
            self.rates[kind.name][second] * kind.seconds
            for kind in self.kinds
            if second < len(self.rates.get(kind.name, ()))
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """Arrivals at a service whose replicas start and drain as given; times in seconds.

    Args:
        start_up: from the decision until a new replica serves.
        leaving: from the decision until a replica is gone at the earliest, and counts no more; it ends its requests.
        first_look: when the rule is asked first; None for its interval. A rule that looks every 15 s makes more or less
            of a ramp of 30 s by it.
        patience: after which a request that waits for a slot fails.
        violating: share of the requests of a second that may be late before the second counts as violating.
    """

    arrivals: Arrivals
    settings: ServiceSettings
    start_up: float
    patience: float = 10.0
    violating: float = 0.05
    seed: int = 1
    leaving: float = 0.0
    first_look: float | None = None


@dataclass(frozen=True, slots=True)
class SecondStats:
    """One second: requests that arrived in it, those of them that were late or failed; replicas and load at its end."""

    arrived: int = 0
    late: int = 0
    failed: int = 0
    ready: int = 0
    paid: int = 0
    offered: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What a rule made of a scenario; `changes` are the times and numbers of replicas that it asked for."""

    rule: str
    seconds: tuple[SecondStats, ...]
    replica_seconds: float
    violating_seconds: int
    changes: tuple[tuple[float, int], ...] = ()

    @property
    def arrived(self) -> int:
        """Requests in all."""
        return sum(found.arrived for found in self.seconds)

    @property
    def late(self) -> int:
        """Requests that waited too long for a slot, failed ones included."""
        return sum(found.late for found in self.seconds)

    @property
    def failed(self) -> int:
        """Requests that gave up waiting."""
        return sum(found.failed for found in self.seconds)

    @property
    def most(self) -> int:
        """The most replicas that were paid for at once."""
        return max((found.paid for found in self.seconds), default=0)
