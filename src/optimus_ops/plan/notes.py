"""What a plan says beside its steps: which replicas are not well, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import ended_badly
from optimus_ops.plan.steps import Remove, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State
    from optimus_ops.plan.step import Plan


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was noticed while a plan was made.

    Args:
        said: container id -> what it said last, of those that ended.
        leftovers: what no file wants.
    """

    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leftovers: Leftovers = field(default_factory=Leftovers)


def with_notes(plan: Plan, stack: Stack, state: State, noticed: Noticed) -> Plan:
    """Return the plan with what was noticed and is not dealt with in it.

    Args:
        plan: the plan.
        stack: what is wanted.
        state: what runs.
        noticed: what was noticed.
    """
    leaving = {victim.container for step in plan.steps if isinstance(step, Stop | Remove) for victim in step.victims}
    notes = (
        *_ended(stack, state, noticed),
        *_troubled(stack, state, leaving),
        *leftover_notes(noticed.leftovers.without(leaving)),
    )
    return plan.noting(notes)


def _ended(stack: Stack, state: State, noticed: Noticed) -> Iterator[str]:
    for replica in ended_badly(state, stack.jobs):
        # A plan lets frozen ones go on.
        if replica.service in stack.services and not replica.frozen:
            lines = noticed.said.get(replica.id, ())
            yield "\n".join([f"{replica.name} {replica.condition}{'; it said last:' if lines else ''}", *lines])


def _troubled(stack: Stack, state: State, leaving: set[str]) -> Iterator[str]:
    """Give a line for each service that has replicas which are not well and stay."""
    for name, service in stack.services.items():
        unwell = [replica for replica in state.running(name) if replica.troubled and replica.id not in leaving]
        if unwell:
            said = ", ".join(f"{replica.name} {replica.condition}" for replica in unwell)
            way_out = (
                "to replace it while new ones serve: invoke scale --force"
                if service.scalable
                else f"see: invoke logs {name}"
            )
            yield f"{said}; {way_out}"


def leftover_notes(leftovers: Leftovers) -> tuple[str, ...]:
    """Return what is left over, with the way out."""
    return tuple(f"{line}; to remove: --remove-orphans" for line in leftovers.lines)
