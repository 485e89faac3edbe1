"""The step of a drill: one fault, so many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step

if TYPE_CHECKING:
    from optimus_ops.redis.drill.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeFault(Step):
    """Make a fault so many times, and have the group whole again after each.

    Args:
        fault: its name.
        runs: how many times.
        seconds: how long that takes, about.
    """

    kind: ClassVar[str] = "redis-fault"
    fault: str
    runs: int
    seconds: float

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"{self.fault}, {self.runs} {'run' if self.runs == 1 else 'runs'}"


def plan_drill(project: str, faults: tuple[Fault, ...], runs: int) -> Plan:
    """Return the plan of a drill: a step per fault."""
    steps = tuple(
        MakeFault(
            fault=fault.name,
            runs=fault.runs(runs),
            seconds=fault.seconds * fault.runs(runs),
            cause=Cause(f"{fault.summary}; about {fault.seconds * fault.runs(runs):.0f} s"),
        )
        for fault in faults
    )
    return Plan(project, "redis.drill", steps)


def seconds_of(plan: Plan) -> float:
    """Return how long a drill takes, about."""
    return sum(step.seconds for step in plan.steps if isinstance(step, MakeFault))
