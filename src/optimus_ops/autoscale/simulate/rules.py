"""Scaling rules side by side: each is asked at its own interval, and answers with a number of replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from optimus_ops.autoscale.decide import NO_CEILING, decide
from optimus_ops.autoscale.model import Ceiling, History, ServiceSettings, Signals

TICK_SECONDS = 2.0
"""Of our own rule and of Knative's."""
HPA_SYNC_SECONDS, HPA_TOLERANCE, HPA_WINDOW_SECONDS = 15.0, 0.1, 300.0
"""Defaults of Kubernetes' HPA, v2: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/"""
HPA_PODS = 4
"""It adds at most so many at once, or as many as there are."""
KEDA_POLL_SECONDS = 30.0
"""Default of KEDA's `pollingInterval`: https://keda.sh/docs/latest/reference/scaledobject-spec/"""


class ScalingRule(Protocol):
    """A rule: `interval` seconds after each other it is asked for the number of replicas."""

    name: str
    interval: float
    serial: bool
    """Whether a change has to end before the next one: `scale` is done when all replicas serve."""

    def wanted(self, signals: Signals) -> int:
        """Return how many replicas there should be."""
        ...


@dataclass
class AutoscaleRule:
    """The function that `invoke autoscale` decides by."""

    settings: ServiceSettings
    name: str = "autoscale"
    interval: float = TICK_SECONDS
    serial: bool = True
    ceiling: Ceiling = NO_CEILING
    history: History = field(default_factory=History)

    def wanted(self, signals: Signals) -> int:
        """Decide."""
        decision, self.history = decide(signals, self.history, self.settings, self.ceiling)
        return decision.desired


@dataclass
class HpaRule:
    """Kubernetes' HPA on requests in flight per pod: in the pods, for what waits in front of them is not theirs."""

    settings: ServiceSettings
    name: str = "HPA"
    interval: float = HPA_SYNC_SECONDS
    serial: bool = False
    window: float = HPA_WINDOW_SECONDS
    recommendations: list[tuple[float, int]] = field(default_factory=list)

    def wanted(self, signals: Signals) -> int:
        """Return ceil(current x metric / target), limited and stabilised."""
        return self.limited(signals, self.metric(signals))

    def metric(self, signals: Signals) -> float:
        """Return the sum of the metric over all pods; those that start have none."""
        return min(signals.in_flight, signals.ready * self.settings.slots)

    def limited(self, signals: Signals, metric: float) -> int:
        """Return the number for a metric."""
        current, target = signals.current, self.settings.target_in_flight
        ratio = metric / (current * target) if current else 1.0
        raw = current if abs(ratio - 1) <= HPA_TOLERANCE else math.ceil(metric / target - 1e-9)
        raw = min(max(raw, self.settings.least), self.settings.most)
        since = signals.at - self.window
        self.recommendations = [(at, count) for at, count in self.recommendations if at > since]
        self.recommendations.append((signals.at, raw))
        if raw > current:
            return min(raw, max(2 * current, current + HPA_PODS))
        return min(max(count for _at, count in self.recommendations), current)


@dataclass
class KedaRule(HpaRule):
    """KEDA on all requests that are in the system: HPA's arithmetic, on a metric that is polled now and then."""

    name: str = "KEDA"
    poll: float = KEDA_POLL_SECONDS
    polled: tuple[float, float] = (-math.inf, 0.0)

    def metric(self, signals: Signals) -> float:
        """Return what was polled last: in flight and waiting."""
        if signals.at - self.polled[0] >= self.poll - 1e-9:
            self.polled = (signals.at, signals.in_flight + signals.queued)
        return self.polled[1]


@dataclass
class FixedRule:
    """A fixed number."""

    replicas: int
    name: str = "fixed"
    interval: float = math.inf
    serial: bool = False

    def wanted(self, signals: Signals) -> int:  # noqa: ARG002 - a `ScalingRule.wanted`
        """Return the number."""
        return self.replicas
