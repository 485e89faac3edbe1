"""Differences between what runs and what would be started now, and the command that applies each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.plan.staleness import staleness
from optimus_ops.plan.steps import Build, Pull, Start
from optimus_ops.plan.stop import leaving

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator

    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State
    from optimus_ops.plan.inputs import ObservedInputs
    from optimus_ops.plan.step import Plan

OUTAGE = "invoke down, then invoke up (an outage: it has one container)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A service of which something runs that would not be started now.

    Args:
        stale: how many of its replicas differ.
        running: how many run.
        command: what applies the difference.
    """

    service: str
    why: str
    stale: int
    running: int
    command: str

    @property
    def text(self) -> str:
        """The difference as a sentence."""
        share = f" in {self.stale} of {self.running} replicas" if self.running > 1 else ""
        return f"{self.service}: {self.why}{share}; apply it with: {self.command}"

    @property
    def mixed(self) -> str:
        """The difference as a sentence about new replicas beside those that differ."""
        return (
            f"{self.service}: new replicas run beside {self.stale} of {self.running} that differ: {self.why};"
            f" bring all to one version with: {self.command}"
        )


def differences(
    stack: Stack, state: State, inputs: ObservedInputs, leaving: Container[str] = frozenset()
) -> tuple[Difference, ...]:
    """Return what of a stack runs otherwise than it would be started now; jobs and `leaving` (ids) left out."""
    names = [name for name in stack.services if name not in stack.jobs]
    stale = staleness(stack, state, names, inputs)
    found = []
    for name in names:
        running = [replica for replica in state.running(name) if replica.id not in leaving]
        differing = [stale[replica.id] for replica in running if replica.id in stale]
        if differing:
            why = "; ".join(dict.fromkeys(item.why for item in differing))
            in_place = name == stack.balancer and all(item.only_configuration for item in differing)
            command = f"invoke deploy {name}" if in_place or name in stack.scalable else OUTAGE
            found.append(Difference(name, why, len(differing), len(running), command))
    return tuple(found)


def noting_differences(
    plan: Plan, stack: Stack, state: State, inputs: ObservedInputs, replaced: Collection[str] = ()
) -> Plan:
    """Return a plan that says what differs and stays so, and of which services it starts other replicas beside.

    `replaced` are the services that the plan brings to what is wanted.
    """
    started = {name for step in plan.steps if isinstance(step, Start) for name, _count in step.counts}
    found = [item for item in differences(stack, state, inputs, leaving(plan)) if item.service not in replaced]
    covered = {item.service for item in found} | set(replaced)
    behind = [item.text for item in _left_behind(plan, stack, state) if item.service not in covered]
    return plan.noting([*(item.mixed if item.service in started else item.text for item in found), *behind])


def _left_behind(plan: Plan, stack: Stack, state: State) -> Iterator[Difference]:
    """Yield the services whose image a plan builds or pulls anew while they run, and go on running."""
    renewed = {
        stack.services[name].image: "built" if isinstance(step, Build) else "pulled"
        for step in plan.steps
        if isinstance(step, Build | Pull)
        for name in step.services
    }
    for name in stack.scalable:
        running = len(state.running(name))
        if running and (how := renewed.get(stack.services[name].image)):
            yield Difference(name, f"its image is {how} anew", running, running, f"invoke deploy {name}")
