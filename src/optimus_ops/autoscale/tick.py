"""One tick: a decision for each service, and the one change that it leads to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from optimus_ops.autoscale.clamp import ceiling_of
from optimus_ops.autoscale.config import AutoscaleConfig
from optimus_ops.autoscale.decide import decide
from optimus_ops.autoscale.model import Ceiling, Decision, History, ServiceSettings, Signals
from optimus_ops.autoscale.signals import Readings, service_signals
from optimus_ops.model.budgets import Limits
from optimus_ops.model.state import State

NOT_RUNNING = "it does not run"
NO_LIMITS = "missing: the connections of the database"
TICK_SECONDS = 2.0
"""Knative's; two readings apart, rates of 20 requests/s are known to a sixth."""
Decide = Callable[[Signals, History, ServiceSettings, Ceiling], tuple[Decision, History]]


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How a service's number is decided, and the seconds from one decision to the next."""

    decide: Decide = decide
    interval: float = TICK_SECONDS


OWN_RULE = DecisionRule()


@dataclass(frozen=True, slots=True)
class Tick:
    """What was decided at a time; `histories` are what the next tick goes by."""

    at: float
    decisions: tuple[Decision, ...]
    histories: Mapping[str, History] = field(default_factory=dict)

    @property
    def growing(self) -> dict[str, int]:
        """The numbers of the services that grow."""
        return {found.service: found.desired for found in self.decisions if found.desired > found.current}

    @property
    def changes(self) -> dict[str, int]:
        """The numbers that are to be changed now: all that grow, else the one service that shrinks first."""
        if growing := self.growing:
            return growing
        shrinking = [found for found in self.decisions if found.desired < found.current]
        return {shrinking[0].service: shrinking[0].desired} if shrinking else {}


def decide_all(
    config: AutoscaleConfig,
    state: State,
    readings: tuple[Readings | None, Readings],
    histories: Mapping[str, History],
    limits: Limits | None,
    rule: DecisionRule = OWN_RULE,
) -> Tick:
    """Decide for each service in the order of the file; what the earlier ones grow by is not there for later ones.

    `readings` are those of the tick before and of now; without `limits`, because the database didn't answer, nothing
    grows.
    """
    before, now = readings
    peak = {name: len(state.lasting(name)) for name in (limits.stack.services if limits else ())}
    decisions, following = [], dict(histories)
    for settings in config.services:
        name = settings.service
        signals = service_signals(state.of(name), before, now)
        ceiling = ceiling_of(limits, peak, name) if limits else Ceiling()
        decision, following[name] = rule.decide(signals, histories.get(name, History()), settings, ceiling)
        decision = _kept(decision, signals, limited=limits is not None)
        peak[name] = max(peak.get(name, 0), decision.desired)
        decisions.append(decision)
    return Tick(now.at, tuple(decisions), following)


def _kept(decision: Decision, signals: Signals, *, limited: bool) -> Decision:
    """Return the decision, or one that keeps the number where scaling would do something else than was decided."""
    if not signals.current:
        # Whoever stopped a service wants it stopped.
        return replace(decision, desired=0, hold=NOT_RUNNING, clamp="", shed={})
    if not limited and decision.desired > decision.current:
        return replace(decision, desired=decision.current, hold=NO_LIMITS)
    return decision


def held(tick: Tick, reason: str) -> Tick:
    """Return a tick that changes nothing."""
    kept: Sequence[Decision] = [
        replace(found, desired=found.current, hold=reason) if found.desired != found.current else found
        for found in tick.decisions
    ]
    return replace(tick, decisions=tuple(kept))
