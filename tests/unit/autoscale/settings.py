"""Settings, signals and times of the tests."""

from __future__ import annotations

from optimus_ops.autoscale.decide import NO_CEILING, decide
from optimus_ops.autoscale.model import Ceiling, ClassLoad, Decision, History, ServiceSettings, Signals

SETTINGS = ServiceSettings("web", least=1, most=20, slots=10, target_in_flight=7, start_up_lead=8)


def steady(at: float, rate: float, ready: int, seconds: float = 0.5, queued: float = 0.0) -> Signals:
    """Return what a constant load looks like: in flight is arrivals times service time."""
    in_flight = min(rate * seconds, ready * SETTINGS.slots)
    return Signals(at, ready, in_flight=in_flight, queued=queued, classes=(ClassLoad("chat", rate, seconds),))


def follow(
    rates: list[float], ready: int, settings: ServiceSettings = SETTINGS, ceiling: Ceiling = NO_CEILING
) -> list[Decision]:
    """Decide every two seconds; each number is there at the next look."""
    history, decisions = History(), []
    for tick, rate in enumerate(rates):
        decision, history = decide(steady(2.0 * tick, rate, ready), history, settings, ceiling)
        decisions.append(decision)
        ready = decision.desired
    return decisions
