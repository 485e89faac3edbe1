"""How long steps may take, and a whole plan at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.plan.steps import Migrate, Observe, RunJob, Stop, VerifyRouting, WaitDependency, WaitHealthy

if TYPE_CHECKING:
    from optimus_ops.plan.step import Plan, Step

# Builds and pulls end by themselves after half an hour; everything else takes seconds.
OTHER_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long steps may take, in seconds.

    Args:
        healthy: from the start of replicas until all are healthy.
        migrate: one run of the migrations job.
        routing: until the balancer's routing is as it should be.
        engine: until an engine that went away answers again, before what was done is undone.
    """

    healthy: float = 180.0
    migrate: float = 600.0
    routing: float = 20.0
    engine: float = 90.0


def longest(plan: Plan, deadlines: Deadlines) -> float:
    """Return how many seconds a plan may take at most, an undo not counted."""
    return sum(_longest(step, deadlines) for step in plan.steps)


def _longest(step: Step, deadlines: Deadlines) -> float:
    match step:
        case WaitHealthy() | WaitDependency():
            return deadlines.healthy
        case Migrate() | RunJob():
            return deadlines.migrate
        case VerifyRouting(settle=settle):
            return deadlines.routing + settle
        case Observe(seconds=seconds) | Stop(seconds=seconds):
            return seconds
    return OTHER_SECONDS
