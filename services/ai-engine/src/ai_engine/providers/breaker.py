"""A circuit breaker as a value: closed, open, half-open. The clock is the caller's; times are in seconds.

After `failures` failures in a row it opens and lets nothing through for `base` seconds; then one probe passes
(half-open). The probe's success closes it, its failure opens it again for twice as long, up to `longest`.
Pattern: M. Nygard, Release It!, "Circuit Breaker".
"""

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True)
class Policy:
    """When a breaker opens and for how long."""

    failures: int = 3
    base: float = 5.0
    longest: float = 300.0


@dataclass(frozen=True)
class Breaker:
    """State of one key.

    Args:
        failures: in a row.
        until: nothing passes before this time; None when closed.
        openings: in a row, for the growth of the pause.
        probing: the half-open probe is on its way.
    """

    failures: int = 0
    until: float | None = None
    openings: int = 0
    probing: bool = False

    def state(self, now: float) -> State:
        """Return the state at time `now`."""
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half-open"

    def allows(self, now: float) -> bool:
        """Tell whether a request may pass."""
        state = self.state(now)
        return state == "closed" or (state == "half-open" and not self.probing)


def started(breaker: Breaker, now: float) -> Breaker:
    """Note that a request passes; in half-open state it is the probe."""
    return replace(breaker, probing=True) if breaker.state(now) == "half-open" else breaker


def succeeded(_breaker: Breaker) -> Breaker:
    """Close."""
    return Breaker()


def failed(breaker: Breaker, now: float, policy: Policy, pause: float | None = None) -> Breaker:
    """Count a failure; open when there were enough of them, when it was the probe, or when `pause` says how long."""
    failures = breaker.failures + 1
    state = breaker.state(now)
    if pause is None and state == "closed" and failures < policy.failures:
        return replace(breaker, failures=failures)
    openings = breaker.openings + (state != "open")
    length = min(policy.longest, policy.base * 2.0 ** min(openings - 1, 32)) if pause is None else pause
    until = max(breaker.until or 0.0, now + min(length, policy.longest))
    return Breaker(failures, until, max(1, openings), probing=False)


def abandoned(breaker: Breaker) -> Breaker:
    """Note that a request ended without telling anything, such as when its client went away."""
    return replace(breaker, probing=False) if breaker.probing else breaker
