"""Values of a load test: classes of requests, the load that is offered, objectives, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optimus_ops.load.rates import Stage
from optimus_ops.loadtest.compare import Comparison
from optimus_ops.loadtest.records import FlowKey, Interval

MIXED = "mixed"
SECONDS, TIMEOUT, CONNECTIONS, PAUSE = 60.0, 30.0, 200, 1.0
SLOWER = 1.2
"""Below it a neighbour on the machine is as likely as the change: its runs are not paired."""


@dataclass(frozen=True, slots=True)
class RequestClass:
    """A kind of request that the platform's generator knows.

    Args:
        service: that answers it, through the balancer.
        port: on which the balancer listens for that service.
        weight: share in `mixed`; 0 for none.
        inside: whether the port is not published.
        tenants: whether it is sent in the name of a tenant.
    """

    name: str
    service: str
    port: int
    weight: float = 1.0
    inside: bool = False
    tenants: bool = True


@dataclass(frozen=True, slots=True)
class PlatformFigure:
    """A figure of a service's `/metrics` that stands beside the load.

    Args:
        metric: name of its series; those with the labels are added up.
        shared: whether all replicas tell of one thing: the highest counts, else their sum.
    """

    name: str
    service: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False


@dataclass(frozen=True, slots=True)
class LoadPlatform:
    """What a project offers to load tests: its classes of requests, its tenants, and its files.

    Args:
        tenants: those that have a key; `keyless` are the others.
        path_class: class whose service gets requests for a path (`--endpoint /v1/models`).
        metrics: service -> port of its `/metrics`, inside.
        figures: of them, that stand beside the load.
        prepare: returns what the generator needs beside the run, such as keys; goes to it by a private file.
    """

    classes: tuple[RequestClass, ...]
    tenants: tuple[str, ...]
    profiles: Path
    locustfile: Path
    k6_script: Path
    path_class: RequestClass
    metrics: Mapping[str, int] = field(default_factory=dict)
    figures: tuple[PlatformFigure, ...] = ()
    prepare: Callable[[], Mapping[str, object]] = dict
    keyless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Requests of one class and tenant: by arrivals (an open model), or by users that wait for answers (a closed one).

    Args:
        stages: of the arrival rate; none for users.
        pause: seconds between two starts of a user, at least.
    """

    key: FlowKey
    stages: tuple[Stage, ...] = ()
    users: int = 0
    pause: float = PAUSE


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a figure of a class and tenant may be at most: seconds, or a share of failures; "" stands for all."""

    key: FlowKey
    figure: str
    most: float


@dataclass(frozen=True, slots=True)
class FairnessRule:
    """A quiet tenant's p95 while another floods, as a multiple of its p95 alone before `begins` (seconds)."""

    quiet: str
    begins: float
    most: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The load that is offered, and what it is judged by.

    Args:
        seconds: duration of the load.
        timeout: seconds for one answer.
        connections: requests of one tenant's arrivals that may be under way at once.
        slower: ratio that a percentile may have to that of earlier runs.
    """

    name: str
    flows: tuple[Flow, ...]
    summary: str = ""
    seconds: float = SECONDS
    timeout: float = TIMEOUT
    connections: int = CONNECTIONS
    thresholds: tuple[Threshold, ...] = ()
    fairness: FairnessRule | None = None
    slower: float = SLOWER


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A generator's process.

    Args:
        cpu: its share of a core in each second.
        words: its last ones, where it did not come to its end.
        timer_delays: by how many seconds its timers were late; none where it does not tell.
    """

    number: int
    cpu: tuple[float, ...] = ()
    finished: bool = True
    words: str = ""
    timer_delays: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformSample:
    """What the platform was seen to do at one moment: name -> figure, as `replicas ai-engine`."""

    at: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class LoadResult:
    """What was measured.

    Args:
        missing: number of requests that were due and have no outcome.
        seconds: that the load lasted.
        interrupted: number of the signal that ended it; 0 for none.
    """

    profile: Profile
    engine: str
    intervals: tuple[Interval, ...]
    workers: tuple[WorkerFacts, ...]
    samples: tuple[PlatformSample, ...] = ()
    missing: int = 0
    seconds: float = 0.0
    interrupted: int = 0
    command: str = ""
    target: str = ""
    comparisons: tuple[Comparison, ...] = ()

    def total(
        self, request_class: str = "", tenant: str = "", *, begin: float = 0.0, end: float = float("inf")
    ) -> Interval:
        """Return the sum over all seconds of a class and tenant, "" for all, that were due in a period."""
        whole = Interval(0, FlowKey(request_class, tenant))
        for interval in self.intervals:
            right = request_class in {"", interval.key.request_class} and tenant in {"", interval.key.tenant}
            if right and begin <= interval.second < end:
                whole.add(interval)
        return whole

    @property
    def keys(self) -> Sequence[FlowKey]:
        """The classes and tenants that there were requests of."""
        return sorted({interval.key for interval in self.intervals}, key=str)
