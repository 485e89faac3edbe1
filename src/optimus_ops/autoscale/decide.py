"""The decision: from signals, history and settings to a number of replicas. Pure; formulas in `docs/autoscale.md`.

Feed-forward is Little's law with square-root safety staffing (Halfin and Whitt, "Heavy-traffic limits for queues with
many exponential servers", 1981); windows and panic mode are those of Knative's autoscaler
(https://knative.dev/docs/serving/autoscaling/kpa-specific/), stabilised scale-down that of Kubernetes' HPA.
"""

from __future__ import annotations

import math
from dataclasses import replace

from optimus_ops.autoscale.load_estimate import STABLE_SECONDS, Load, estimate_load, with_sample, with_service_times
from optimus_ops.autoscale.model import Ceiling, Decision, History, ServiceSettings, Signals
from optimus_ops.autoscale.shed import fair_excess

PANIC_FACTOR = 2.0
"""Need in times of what is ready that begins a panic: Knative's number."""
PANIC_SECONDS = STABLE_SECONDS
"""How long it lasts after it was so last. As with Knative the long window, which then has seen the new load only."""
NO_CEILING = Ceiling()


def decide(
    signals: Signals, history: History, settings: ServiceSettings, ceiling: Ceiling = NO_CEILING
) -> tuple[Decision, History]:
    """Return how many replicas there should be, and the history that the next decision goes by.

    A missing signal holds the number. Nothing shrinks during a panic, while a replica starts or drains, or below the
    highest need of the cool-down (at least twice the 99th percentile); then one replica leaves at a time.
    """
    if signals.missing:
        return _held(signals, settings), history
    history = with_sample(history, signals, settings)
    load = estimate_load(history, signals, settings)
    steady, needed, reasons = _need(load, signals, settings)
    history = _remember(history, signals, settings, load, (steady, needed))
    panic = signals.at < history.panic_until
    bound, clamp = _bound(settings, ceiling)
    target = _desired(max(needed, settings.least), bound, history, signals, panic=panic)
    desired = target if ceiling.at_once is None else min(target, signals.current + ceiling.at_once)
    if desired < target:
        reasons = (*reasons, f"{desired - signals.current} at once, one for each processor")
    at_bound = clamp if needed > bound else ""
    decision = Decision(
        settings.service,
        signals.at,
        signals.current,
        desired,
        needed,
        reasons,
        panic,
        clamp=at_bound,
        shed=_shed(signals, load, bound * settings.slots) if at_bound else {},
    )
    return decision, history


def _held(signals: Signals, settings: ServiceSettings) -> Decision:
    hold = f"missing: {', '.join(signals.missing)}"
    return Decision(settings.service, signals.at, signals.current, signals.current, signals.current, hold=hold)


def _need(load: Load, signals: Signals, settings: ServiceSettings) -> tuple[int, int, tuple[str, ...]]:
    """Return the replicas that are needed without and with what is to come, and the arithmetic."""
    staffed = _staffed(load.offered, settings)
    ahead = _staffed(load.offered + load.rise, settings)
    feedback = _whole((load.busy + load.backlog) / settings.target_in_flight)
    steady = max(staffed, feedback)
    reasons = [
        f"offered {load.offered:.1f} + {math.sqrt(load.offered):.1f} safety over {settings.slots:g} slots: {staffed}",
        f"in flight {load.busy:.1f} + {load.backlog:.1f} backlog over {settings.target_in_flight:g}: {feedback}",
    ]
    if load.rise:
        reasons.append(f"{load.rise:.1f} more within {settings.start_up_lead:.3g} s: {ahead}")
    if signals.queued:
        reasons.append(f"{signals.queued:g} wait, the oldest for {signals.oldest:.0f} s")
    return steady, max(steady, ahead), tuple(reasons)


def _staffed(offered: float, settings: ServiceSettings) -> int:
    """Return the replicas for a load that is offered: square-root safety staffing."""
    return _whole((offered + math.sqrt(offered)) / settings.slots)


def _whole(replicas: float) -> int:
    # What is whole but for an error of rounding is not one replica more.
    return math.ceil(replicas - 1e-9)


def _remember(
    history: History, signals: Signals, settings: ServiceSettings, load: Load, needs: tuple[int, int]
) -> History:
    """Return the history with this need, without and with what is to come, and the panic that it begins."""
    steady, needed = needs
    # What was needed before the first look is not known; that there were so many is a reason to keep them for now.
    earlier = history.needs or ((signals.at, signals.current),)
    # Each need is that of a mean over the long window before it: so far back they tell of the load of the cool-down.
    since = signals.at - max(settings.cool_down - STABLE_SECONDS, 2 * signals.p99)
    kept = tuple((at, need) for at, need in earlier if at >= since)
    sudden = _whole(max(load.recent, load.busy + load.backlog) / settings.target_in_flight)
    # What is seen to come is a reason as well: else the replicas for it leave while it does.
    panics = max(sudden, needed) >= PANIC_FACTOR * max(signals.ready, 1)
    until = signals.at + PANIC_SECONDS if panics else history.panic_until
    history = with_service_times(history, signals, settings)
    return replace(history, needs=(*kept, (signals.at, steady)), panic_until=until)


def _bound(settings: ServiceSettings, ceiling: Ceiling) -> tuple[int, str]:
    """Return the most replicas there may be, and what says so."""
    if ceiling.replicas is not None and ceiling.replicas < settings.most:
        return ceiling.replicas, ceiling.resource
    return settings.most, "max"


def _desired(wanted: int, bound: int, history: History, signals: Signals, *, panic: bool) -> int:
    target = min(max(wanted, *(need for _at, need in history.needs)), bound)
    if target >= signals.current:
        return target
    # Whatever runs beyond a bound leaves as all others do.
    busy_changing = panic or signals.starting or signals.draining
    return signals.current if busy_changing else signals.current - 1


def _shed(signals: Signals, load: Load, capacity: float) -> dict[str, float]:
    """Return what each tenant sends beyond its fair share of the arrivals that can be served."""
    served = signals.arrivals * min(capacity / load.offered, 1.0) if load.offered else signals.arrivals
    return fair_excess(signals.tenants, served)
