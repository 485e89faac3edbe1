"""How what runs differs from what is wanted, and which command applies it: the same in every task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.plan.stale import staleness
from optimus_ops.plan.steps import Build, Pull, Remove, Start, Stop

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator

    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State
    from optimus_ops.plan.stale import Staleness, Versions
    from optimus_ops.plan.step import Plan

OUTAGE = "invoke down, then invoke up (an outage: it has one container)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A service of which something runs that would not be started now.

    Args:
        service: the service.
        why: what differs.
        stale: how many of its replicas differ.
        running: how many run.
        command: what makes it as it is wanted.
    """

    service: str
    why: str
    stale: int
    running: int
    command: str

    @property
    def text(self) -> str:
        """Return it as a sentence."""
        share = f" in {self.stale} of {self.running} replicas" if self.running > 1 else ""
        return f"{self.service}: {self.why}{share}; apply it with: {self.command}"

    @property
    def mixed(self) -> str:
        """Return it as a sentence about new replicas beside those that differ."""
        return (
            f"{self.service}: new replicas run beside {self.stale} of {self.running} that differ: {self.why};"
            f" bring all to one version with: {self.command}"
        )


def differences(
    stack: Stack, state: State, versions: Versions, leaving: Container[str] = frozenset()
) -> tuple[Difference, ...]:
    """Return what of a stack runs otherwise than it would be started now; jobs run no more.

    Args:
        stack: what is wanted.
        state: what runs.
        versions: what would be started now.
        leaving: the ids of containers that go in any case.
    """
    names = [name for name in stack.services if name not in stack.jobs and name != stack.migrations]
    stale = staleness(stack, state, names, versions)
    found = []
    for name in names:
        running = [replica for replica in state.running(name) if replica.id not in leaving]
        differing = [stale[replica.id] for replica in running if replica.id in stale]
        if differing:
            why = "; ".join(dict.fromkeys(one.why for one in differing))
            command = applied_by(stack, name, differing)
            found.append(Difference(name, why, len(differing), len(running), command))
    return tuple(found)


def applied_by(stack: Stack, name: str, stale: Iterable[Staleness]) -> str:
    """Return the command that makes a service as it is wanted."""
    in_place = name == stack.balancer and all(one.only_configuration for one in stale)
    return f"invoke deploy {name}" if in_place or name in stack.scalable else OUTAGE


def noting_differences(
    plan: Plan, stack: Stack, state: State, versions: Versions, replaced: Collection[str] = ()
) -> Plan:
    """Return a plan that says what differs and stays so, and of which services it starts other replicas beside.

    Args:
        plan: the plan.
        stack: what is wanted.
        state: what runs.
        versions: what would be started now.
        replaced: the services that the plan makes as they are wanted.
    """
    leaving = {victim.container for step in plan.steps if isinstance(step, Stop | Remove) for victim in step.victims}
    started = {name for step in plan.steps if isinstance(step, Start) for name, _count in step.counts}
    found = [one for one in differences(stack, state, versions, leaving) if one.service not in replaced]
    told = {one.service for one in found} | set(replaced)
    return plan.noting(
        [
            *(one.mixed if one.service in started else one.text for one in found),
            *(one.text for one in _left_behind(plan, stack, state) if one.service not in told),
        ]
    )


def _left_behind(plan: Plan, stack: Stack, state: State) -> Iterator[Difference]:
    """Yield the services whose image a plan makes anew while they run, and go on running."""
    made = {
        stack.services[name].image: "built" if isinstance(step, Build) else "pulled"
        for step in plan.steps
        if isinstance(step, Build | Pull)
        for name in step.services
    }
    for name in stack.scalable:
        running = len(state.running(name))
        if running and (how := made.get(stack.services[name].image)):
            yield Difference(name, f"its image is {how} anew", running, running, f"invoke deploy {name}")
