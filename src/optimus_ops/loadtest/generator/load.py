"""The load of one worker: who sends what when, and the records of it. It knows nothing of locust."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import gevent

from optimus_ops.loadtest.arrivals import Arrival, arrivals_by_tenant
from optimus_ops.loadtest.generator.exchange import Exchange
from optimus_ops.loadtest.generator.spec import GeneratorSpec
from optimus_ops.loadtest.generator.workload import Workload
from optimus_ops.loadtest.model import Flow
from optimus_ops.loadtest.records import FlowKey, Recorder


@dataclass
class Load:
    """A worker's load.

    Args:
        begin: of the load, on the monotonic clock.
        taken: when the arrivals were or are due that have no outcome yet; of users, those under way.
    """

    spec: GeneratorSpec
    workload: Workload
    recorder: Recorder
    clock: Callable[[], float] = time.monotonic
    begin: float = 0.0
    taken: dict[int, float] = field(default_factory=dict)
    ended: bool = False
    _arrivals: dict[str, Iterator[Arrival]] = field(init=False)

    def __post_init__(self) -> None:
        """Take this worker's share of the arrivals."""
        spec = self.spec
        self._arrivals = dict(arrivals_by_tenant(spec.flows, spec.seconds, spec.worker, spec.workers))

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants that have arrivals left."""
        return tuple(self._arrivals)

    @property
    def now(self) -> float:
        """Seconds since the begin of the load."""
        return self.clock() - self.begin

    @property
    def complete(self) -> bool:
        """Whether all that was to be sent has its outcome, or can't get one any more."""
        over = self.now - self.spec.seconds
        return (over >= 0 and not self._arrivals and not self.taken) or over > self.spec.timeout + 1

    def serve_arrivals(self, tenant: str) -> None:
        """Send a tenant's arrivals in order, each at its time; where this is late, the latency counts the wait."""
        exchanges = _Exchanges(self.spec.bases, self.spec.timeout)
        try:
            for arrival in self._arrivals.get(tenant, ()):
                self.taken[id(arrival)] = arrival.at
                self._sleep_until(arrival.at)
                self.send(exchanges, arrival.key, arrival.number, arrival.at)
                del self.taken[id(arrival)]
            self._arrivals.pop(tenant, None)
        finally:
            exchanges.close()

    def serve_user(self, flow: Flow, user: int) -> None:
        """Send requests as one user does, who waits for each answer."""
        exchanges, number = _Exchanges(self.spec.bases, self.spec.timeout), 0
        # Users do not come all at once.
        due = flow.pause * user / max(flow.users, 1)
        try:
            while due < self.spec.seconds:
                self._sleep_until(due)
                self.taken[id(exchanges)] = due
                self.send(exchanges, flow.key, user + number * flow.users, self.now)
                del self.taken[id(exchanges)]
                number += 1
                due = max(due + flow.pause, self.now)
        finally:
            exchanges.close()

    def send(self, exchanges: _Exchanges, key: FlowKey, number: int, intended: float) -> None:
        """Send one request, and record what became of it."""
        started = self.now
        outcome = exchanges.to(key.request_class).send(self.workload.call(key, number), self.workload)
        ended, interval = self.now, self.recorder.interval(key, intended)
        interval.offered += 1
        interval.delay.record(started - intended)
        if outcome.failure:
            interval.failed[outcome.failure] = interval.failed.get(outcome.failure, 0) + 1
            return
        interval.ok += 1
        interval.latency.record(ended - intended)
        if outcome.first_token is not None:
            interval.first_token.record(outcome.first_token - self.begin - intended)

    def end(self) -> None:
        """Write what is left, once."""
        if self.ended:
            return
        self.ended = True
        self.recorder.end()

    def _sleep_until(self, at: float) -> None:
        while (seconds := at - self.now) > 0:
            gevent.sleep(seconds)


class _Exchanges:
    """The connections of one user, one for each service that it turns to."""

    def __init__(self, bases: Mapping[str, str], timeout: float) -> None:
        self._bases, self._timeout = bases, timeout
        self._open: dict[str, Exchange] = {}

    def to(self, request_class: str) -> Exchange:
        base = self._bases[request_class]
        found = self._open.get(base)
        if found is None:
            found = self._open[base] = Exchange(base, self._timeout)
        return found

    def close(self) -> None:
        for exchange in self._open.values():
            exchange.close()
