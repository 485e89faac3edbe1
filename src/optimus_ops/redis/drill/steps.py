"""The step of a drill: a fault, injected several times."""

from __future__ import annotations

from collections.abc import Sequence

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.redis.drill.faults import Fault

SHORT_SECONDS = 120


@step("redis-fault", "{fault}, {runs} {_noun}")
class InjectFault(Step):
    """Inject a fault several times, and have the group healthy again after each."""

    fault: str
    runs: int
    seconds: float  # that all runs take, about

    @property
    def _noun(self) -> str:
        return "run" if self.runs == 1 else "runs"


def plan_drill(project: str, faults: Sequence[Fault], runs: int) -> Plan:
    """Plan a drill: a step per fault."""
    return Plan(project, "redis.drill", tuple(_inject(fault, fault.runs(runs)) for fault in faults))


def _inject(fault: Fault, runs: int) -> InjectFault:
    seconds = fault.seconds * runs
    cause = Cause(f"{fault.summary}; about {seconds:.0f} s", "requested")
    return InjectFault(fault=fault.name, runs=runs, seconds=seconds, cause=cause)


def expected_seconds(plan: Plan) -> float:
    """Return how long a drill takes, about."""
    return sum(found.seconds for found in plan.steps if isinstance(found, InjectFault))


def drill_text(plan: Plan) -> str:
    """Return the plan for people, with its duration."""
    seconds = expected_seconds(plan)
    shown = f"{seconds / 60:.0f} min" if seconds > SHORT_SECONDS else f"{seconds:.0f} s"
    return f"{plan_text(plan)}\n  about {shown} in all"
