"""The queueing model: one queue in front of replicas with bounded slots (G/M/c with impatience), event by event."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from optimus_ops.autoscale.model import ClassLoad, Signals
from optimus_ops.autoscale.simulate.arrivals import draw
from optimus_ops.autoscale.simulate.cluster import Cluster, SimulatedReplica
from optimus_ops.autoscale.simulate.model import Scenario, SecondStats, SimulationResult
from optimus_ops.autoscale.simulate.rules import ScalingRule

END, TICK, CHANGED, SECOND = range(4)
Waiting = tuple[float, int, float]
"""When a request came, its class, and the service time that it needs."""
Served = tuple[SimulatedReplica, int, float]
"""Where a request is served, its class, and its service time."""


@dataclass
class _Counters:
    """What is counted between two readings, by class: requests that came, that ended, and the time they took."""

    arrived: list[int]
    ended: list[int]
    seconds: list[float]


@dataclass
class QueueingModel:
    """One run of a scenario under a rule."""

    scenario: Scenario
    rule: ScalingRule
    cluster: Cluster = field(init=False)
    queue: deque[Waiting] = field(default_factory=deque)
    changes: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the replicas that the first second needs."""
        settings, kinds = self.scenario.settings, len(self.scenario.arrivals.kinds)
        self.cluster = Cluster(int(settings.slots), self.scenario.start_up, self.scenario.leaving)
        self._events: list[tuple[float, int, int, Served | None]] = []
        self._numbers = itertools.count()
        self._arrived, self._late, self._failed = ([0] * self.scenario.arrivals.seconds for _ in range(3))
        self._states: list[tuple[int, int]] = []
        self._since, self._read_at = _Counters([0] * kinds, [0] * kinds, [0.0] * kinds), 0.0
        self.cluster.replicas = [SimulatedReplica(0.0, 0.0) for _ in range(initial_replicas(self.scenario, self.rule))]

    def run(self) -> SimulationResult:
        """Let everything happen, in the order of time, until the last request that arrived has ended."""
        end = float(self.scenario.arrivals.seconds)
        requests = draw(self.scenario.arrivals, self.scenario.seed)
        first = self.scenario.first_look
        self._push(self.rule.interval if first is None else first, TICK)
        for second in range(1, self.scenario.arrivals.seconds + 1):
            self._push(second - 1e-6, SECOND)
        request = next(requests, None)
        while request is not None or self._events:
            if request is not None and (not self._events or request[0] <= self._events[0][0]):
                self._arrive(request)
                request = next(requests, None)
                continue
            now, _number, kind, what = heapq.heappop(self._events)
            self._happen(now, kind, what, end)
        for waiting in self.queue:
            self._give_up(waiting)
        return self._result(end)

    def _happen(self, now: float, kind: int, what: Served | None, end: float) -> None:
        if kind == END and what is not None:
            replica, index, seconds = what
            replica.busy -= 1
            self._since.ended[index] += 1
            self._since.seconds[index] += seconds
            self.cluster.end_if_idle(replica, now)
        elif kind == TICK:
            self._tick(now)
            if now + self.rule.interval < end:
                self._push(now + self.rule.interval, TICK)
        elif kind == CHANGED:
            self.cluster.end_idle(now)
        elif kind == SECOND:
            self._states.append((len(self.cluster.ready(now)), self.cluster.paid()))
        self._take_from_queue(now)

    def _arrive(self, request: Waiting) -> None:
        self._arrived[int(request[0])] += 1
        self._since.arrived[request[1]] += 1
        self.queue.append(request)
        self._take_from_queue(request[0])

    def _take_from_queue(self, now: float) -> None:
        while self.queue:
            if now - self.queue[0][0] > self.scenario.patience:
                self._give_up(self.queue.popleft())
                continue
            replica = self.cluster.free(now)
            if replica is None:
                return
            self._serve(self.queue.popleft(), replica, now)

    def _serve(self, waiting: Waiting, replica: SimulatedReplica, now: float) -> None:
        came, index, seconds = waiting
        if now - came > self.scenario.arrivals.kinds[index].most_wait:
            self._late[int(came)] += 1
        replica.busy += 1
        self._push(now + seconds, END, (replica, index, seconds))

    def _give_up(self, waiting: Waiting) -> None:
        self._late[int(waiting[0])] += 1
        self._failed[int(waiting[0])] += 1

    def _tick(self, now: float) -> None:
        signals = self._signals(now)
        if self.rule.serial and (signals.starting or signals.draining):
            return
        wanted = self.rule.wanted(signals)
        if wanted != signals.current:
            self.changes.append((now, wanted))
            self.cluster.resize(wanted, now)
            growing = wanted > signals.current
            self._push(now + (self.scenario.start_up if growing else self.scenario.leaving), CHANGED)

    def _signals(self, now: float) -> Signals:
        since, length = self._since, max(now - self._read_at, 1e-9)
        classes = tuple(
            ClassLoad(kind.name, arrived / length, seconds / ended if ended else 0.0)
            for kind, arrived, ended, seconds in zip(
                self.scenario.arrivals.kinds, since.arrived, since.ended, since.seconds, strict=True
            )
        )
        kinds = len(classes)
        self._since, self._read_at = _Counters([0] * kinds, [0] * kinds, [0.0] * kinds), now
        oldest = now - self.queue[0][0] if self.queue else 0.0
        return Signals(
            now,
            len(self.cluster.ready(now)),
            self.cluster.starting(now),
            self.cluster.draining(),
            in_flight=self.cluster.busy(),
            queued=len(self.queue),
            oldest=oldest,
            classes=classes,
        )

    def _push(self, at: float, kind: int, what: Served | None = None) -> None:
        if at < float("inf"):
            heapq.heappush(self._events, (at, next(self._numbers), kind, what))

    def _result(self, end: float) -> SimulationResult:
        counts = zip(self._arrived, self._late, self._failed, self._states, strict=True)
        arrivals = self.scenario.arrivals
        seconds = tuple(
            SecondStats(arrived, late, failed, ready, paid, arrivals.offered(second))
            for second, (arrived, late, failed, (ready, paid)) in enumerate(counts)
        )
        violating = sum(found.late > self.scenario.violating * found.arrived for found in seconds)
        paid = self.cluster.replica_seconds(end)
        return SimulationResult(self.rule.name, seconds, paid, violating, tuple(self.changes))


def initial_replicas(scenario: Scenario, rule: ScalingRule) -> int:
    """Return the replicas that there are at first: a fixed number, else those that the first second needs."""
    if rule.interval == float("inf"):
        return rule.wanted(Signals(0.0, 0))
    settings = scenario.settings
    needed = -(-scenario.arrivals.offered(0) // settings.target_in_flight)
    return int(min(max(needed, settings.least), settings.most))


def simulate(scenario: Scenario, rules: Sequence[ScalingRule]) -> tuple[SimulationResult, ...]:
    """Run a scenario under each rule; all see the same requests."""
    return tuple(QueueingModel(scenario, rule).run() for rule in rules)
