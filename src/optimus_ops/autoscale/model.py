"""Values of autoscaling: settings and signals of a service, the history of both, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How a service is scaled; times in seconds.

    Args:
        slots: requests that a replica serves at once before further ones wait.
        target_in_flight: requests in flight per replica that are aimed at; the rest of the slots is headroom.
        start_up_lead: from a decision until a new replica serves.
        cool_down: for which the highest need counts before replicas leave.
        drain_target: within which a backlog is to be worked off.
    """

    service: str
    least: int
    most: int
    slots: float
    target_in_flight: float
    start_up_lead: float
    cool_down: float = 300.0
    drain_target: float = 5.0


@dataclass(frozen=True, slots=True)
class ClassLoad:
    """Requests of one class: arrivals per second, and the mean seconds of service; 0 where none has ended."""

    name: str
    arrivals: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What was read of a service at a time (seconds on any clock that only goes forward).

    Args:
        in_flight: requests that replicas hold, whether they serve them or let them wait.
        queued: requests or messages that wait outside of the replicas; `oldest` is the age of the oldest in seconds.
        p99: 99th percentile of the service time in seconds; 0 while it is unknown.
        tenants: requests per second of each tenant.
        missing: signals that could not be read; where there is any, the others are not used.
    """

    at: float
    ready: int
    starting: int = 0
    draining: int = 0
    in_flight: float = 0.0
    queued: float = 0.0
    oldest: float = 0.0
    classes: tuple[ClassLoad, ...] = ()
    p99: float = 0.0
    tenants: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def current(self) -> int:
        """Replicas that serve or are about to."""
        return self.ready + self.starting

    @property
    def arrivals(self) -> float:
        """Arrivals of all classes, per second."""
        return sum(found.arrivals for found in self.classes)


@dataclass(frozen=True, slots=True)
class Sample:
    """The load at a time: what arrived, and the slots that were busy."""

    at: float
    busy: float
    classes: tuple[ClassLoad, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What earlier decisions left behind, oldest first.

    Args:
        samples: the load of the last half minute.
        needs: time and replicas that were needed, of as long as they keep replicas from leaving.
        panic_until: time until which nothing shrinks.
        service_seconds: class -> mean service time when replicas were not saturated: in a rush it contains waiting.
    """

    samples: tuple[Sample, ...] = ()
    needs: tuple[tuple[float, int], ...] = ()
    panic_until: float = float("-inf")
    service_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most replicas that a budget has room for, beside what else runs, and its arithmetic; None for no bound.

    Args:
        at_once: replicas that start in the time of one. A start takes a processor: more of them than there are make
            each other late, and what already serves; so the first of many would serve no sooner than the last.
    """

    replicas: int | None = None
    resource: str = ""
    arithmetic: str = ""
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas there should be, and why.

    Args:
        needed: replicas that the load wants, before any bound.
        reasons: a short text for each part of the arithmetic, for people.
        hold: why nothing is changed whatever the load; "" where something may be.
        clamp: what keeps the number below the need: `max`, or the budget's resource; "" for nothing.
        shed: tenant -> requests per second beyond its fair share of what the bound can serve.
    """

    service: str
    at: float
    current: int
    desired: int
    needed: int
    reasons: tuple[str, ...] = ()
    panic: bool = False
    hold: str = ""
    clamp: str = ""
    shed: Mapping[str, float] = field(default_factory=dict)
