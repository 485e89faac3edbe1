"""Steps of a drill: a fault, injected several times; and healing after a drill that was killed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.redis.drill.faults import Fault
from optimus_ops.redis.overridden_settings import Override
from optimus_ops.redis.steps import ServerStep

SHORT_SECONDS = 120

Damage = Literal["disconnected", "paused", "stopped", "cut off"]


@step("redis-fault", "{fault}, {runs} {_noun}")
class InjectFault(Step):
    """Inject a fault several times, and have the group healthy again after each."""

    fault: str
    runs: int
    seconds: float  # that all runs take, about

    @property
    def _noun(self) -> str:
        return "run" if self.runs == 1 else "runs"


@step("redis-heal", "heal {server}, which is {damage}")
class HealNode(ServerStep):
    """Take back what a drill did to a server or sentinel."""

    damage: Damage


@step("redis-await-health", "wait until the group is healthy")
class AwaitHealth(Step):
    """Wait until no check of the group fails."""


def plan_drill(project: str, faults: Sequence[Fault], runs: int, left: tuple[Override, ...] = ()) -> Plan:
    """Plan a drill: a step per fault, after those that put settings back which were left overridden."""
    steps = (*(override.step for override in left), *(_inject(fault, fault.runs(runs)) for fault in faults))
    return Plan(project, "redis.drill", steps)


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
