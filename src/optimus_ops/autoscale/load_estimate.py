"""How much load there is, and how it grows: windows over samples of what is offered and of what is in flight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from optimus_ops.autoscale.model import ClassLoad, History, Sample, ServiceSettings, Signals

STABLE_SECONDS = 30.0
"""Half of Knative's: what noise this leaves, the cool-down smooths."""
RECENT_SECONDS = 4.0
"""Two looks: with one, a burst would be a trend; Knative's panic window has 6 s."""
TREND_SECONDS = (6.0, 10.0)
"""Windows whose slopes are looked at, of which the steeper counts: four looks and six. With two, noise of Poisson
arrivals at 50 requests/s is a slope of 3 a second, and replicas come that nobody needs."""
SIGNIFICANCE = 4.0
"""Standard errors that a rise needs before it is believed: with 3, a constant load had a false alarm an hour."""
HORIZON = 3
"""Start-ups to look ahead: of the replicas that are decided on now, of those that are decided on after that change, and
one for what the slope falls short of where the load began to grow amid the window. Fewer make a spike late, more cost:
docs/benchmarks/autoscale-simulation.md."""
SMOOTHING = 0.1
"""Weight of a new mean service time."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a service, in requests that are served at once.

    Args:
        offered: arrivals times mean service time, over the window that counts now.
        recent: likewise over the last seconds.
        rise: what will be added until a replica that is started now serves.
        busy: slots that requests occupy.
        backlog: slots that the requests which wait need, to be served within the drain target.
    """

    offered: float
    recent: float
    rise: float
    busy: float
    backlog: float


def with_sample(history: History, signals: Signals, settings: ServiceSettings) -> History:
    """Return the history with the load of now, without what is too old to count."""
    sample = Sample(signals.at, min(signals.in_flight, settings.slots * signals.ready), signals.classes)
    kept = tuple(found for found in history.samples if found.at > signals.at - STABLE_SECONDS)
    return replace(history, samples=(*kept, sample))


def with_service_times(history: History, signals: Signals, settings: ServiceSettings) -> History:
    """Return the history with the service times of now, if they contain no waiting."""
    known = dict(history.service_seconds)
    saturated = signals.in_flight > settings.slots * signals.ready
    for found in signals.classes:
        before = known.get(found.name)
        if found.seconds and before is None:
            known[found.name] = found.seconds
        elif found.seconds and before is not None and not saturated:
            known[found.name] = before + SMOOTHING * (found.seconds - before)
    return replace(history, service_seconds=known)


def offered_load(classes: Iterable[ClassLoad], history: History) -> float:
    """Return the load by Little's law: the sum over classes of arrivals times mean service time."""
    return sum(found.arrivals * _seconds(found, history) for found in classes)


def estimate_load(history: History, signals: Signals, settings: ServiceSettings) -> Load:
    """Return the load from the history, whose last sample is that of now."""
    samples, now = history.samples, signals.at
    recent = [found for found in samples if found.at > now - RECENT_SECONDS]
    slope = max(_slope([found for found in samples if found.at >= now - window], history) for window in TREND_SECONDS)
    short, stable = _mean_load(recent, history), _mean_load(samples, history)
    sudden = short - stable > SIGNIFICANCE * _error(samples[:-1], history)
    waiting = max(signals.in_flight - settings.slots * signals.ready, 0.0) + signals.queued
    return Load(
        offered=max(short, stable) if sudden else stable,
        recent=short,
        rise=_rise(short, slope, signals, settings) if sudden else 0.0,
        # Over the long window only: slots that work a backlog off are busy for a while, which is no lasting load.
        busy=fmean(found.busy for found in samples),
        # Of requests whose time is not known yet, each may need a slot of its own.
        backlog=waiting * (mean_seconds(signals, history) or settings.drain_target) / settings.drain_target,
    )


def _rise(offered: float, slope: float, signals: Signals, settings: ServiceSettings) -> float:
    """Return what has to be added for a load that grows at a slope: the growth, and the backlog that it will leave."""
    lead = settings.start_up_lead
    short = max(offered - settings.slots * signals.ready, 0.0)
    backlog = short * lead + slope * lead**2 / 2
    return HORIZON * lead * slope + backlog / settings.drain_target


def mean_seconds(signals: Signals, history: History) -> float:
    """Return the mean service time over all classes, each by its arrivals; without arrivals, over what is known."""
    if signals.arrivals:
        return offered_load(signals.classes, history) / signals.arrivals
    return fmean(history.service_seconds.values()) if history.service_seconds else 0.0


def _seconds(found: ClassLoad, history: History) -> float:
    return history.service_seconds.get(found.name, found.seconds)


def _mean_load(samples: Sequence[Sample], history: History) -> float:
    """Return the mean load of samples: all by the same service times, so that what these learn is no trend."""
    return fmean(offered_load(found.classes, history) for found in samples)


def _error(before: Sequence[Sample], history: History) -> float:
    """Return the standard error of the load over the last seconds, by that of the time before.

    Arrivals are a compound Poisson process: the variance of its load in a second is that of arrivals x seconds squared.
    """
    if not before:
        return math.inf
    squares = (sum(own.arrivals * _seconds(own, history) ** 2 for own in found.classes) for found in before)
    return math.sqrt(fmean(squares) / RECENT_SECONDS)


def _slope(samples: Sequence[Sample], history: History) -> float:
    """Return the growth per second by least squares; 0 where it falls, or can't be told."""
    middle = fmean(found.at for found in samples)
    spread = sum((found.at - middle) ** 2 for found in samples)
    if not spread:
        return 0.0
    rise = sum((found.at - middle) * offered_load(found.classes, history) for found in samples)
    return max(rise / spread, 0.0)
