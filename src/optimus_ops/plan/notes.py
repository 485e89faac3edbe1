"""Notes of a plan: what is not as it should be and stays so: unhealthy replicas, leftovers, differences."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field

from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State, ended_badly
from optimus_ops.plan.differences import Difference, differences
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Build, Pull, Start
from optimus_ops.plan.stop import leaving


@dataclass(frozen=True, slots=True)
class Notices:
    """The last lines of containers that ended (id -> lines), and what no file wants."""

    output: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leftovers: Leftovers = field(default_factory=Leftovers)


def with_notes(plan: Plan, stack: Stack, state: State, notices: Notices) -> Plan:
    """Return the plan with what was found and stays as it is."""
    gone = leaving(plan)
    leftovers = leftover_notes(notices.leftovers.without(gone))
    return plan.noting([*_ended(stack, state, notices), *_troubled(stack, state, gone), *leftovers])


def leftover_notes(leftovers: Leftovers) -> tuple[str, ...]:
    """Return what is left over, with the way out."""
    return tuple(f"{line}; to remove: --remove-orphans" for line in leftovers.lines)


def _ended(stack: Stack, state: State, notices: Notices) -> Iterator[str]:
    for replica in ended_badly(state, stack.jobs):
        # A plan unpauses frozen ones.
        if replica.service in stack.services and not replica.frozen:
            lines = notices.output.get(replica.id, ())
            yield "\n".join([f"{replica.name} {replica.condition}{'; its last output:' if lines else ''}", *lines])


def _troubled(stack: Stack, state: State, gone: Container[str]) -> Iterator[str]:
    for name, service in stack.services.items():
        troubled = [replica for replica in state.running(name) if replica.troubled and replica.id not in gone]
        if troubled:
            way_out = (
                "to replace it while new ones serve: invoke scale --force"
                if service.scalable
                else f"see: invoke logs {name}"
            )
            yield f"{', '.join(f'{replica.name} {replica.condition}' for replica in troubled)}; {way_out}"


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
