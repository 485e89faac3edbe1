"""Stops: which replicas leave, in which order, and how what stopped is removed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from optimus_ops.model.state import Replica, State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import ContainerRef, Plan, Step
from optimus_ops.plan.steps import Remove, Resume, Stop


def refs(replicas: Iterable[Replica]) -> tuple[ContainerRef, ...]:
    """Return replicas as what a step stops or removes."""
    return tuple(ContainerRef(replica.name, replica.id) for replica in replicas)


def resume_steps(state: State) -> tuple[Step, ...]:
    """Return the step that unpauses frozen containers, whichever service is meant."""
    cause = Cause("frozen (docker pause)", "condition")
    return (Resume(containers=refs(state.frozen), cause=cause),) if state.frozen else ()


def ended_replicas(state: State, services: Iterable[str]) -> tuple[Replica, ...]:
    """Return the containers of services that serve no more and won't by waiting."""
    return tuple(replica for name in services for replica in state.of(name) if not replica.running)


def conditions(replicas: Iterable[Replica]) -> tuple[Cause, ...]:
    """Return a cause for each replica: how it is."""
    return tuple(Cause(f"{replica.name} {replica.condition}", "condition") for replica in replicas)


def leaving_first(replicas: Sequence[Replica], count: int, stale: Container[str] = ()) -> tuple[Replica, ...]:
    """Choose which replicas leave: stale ones (ids) first, then unhealthy ones, then the youngest (highest number)."""

    def order(replica: Replica) -> tuple[bool, bool, bool, int]:
        return replica.id not in stale, replica.ready, not replica.troubled, -replica.number

    return tuple(sorted(replicas, key=order)[:count])


def drain_and_remove(replicas: Sequence[Replica], seconds: float, cause: Cause) -> tuple[Step, ...]:
    """Return the steps that stop what runs of some containers, and remove all of them."""
    running = refs(replica for replica in replicas if replica.running)
    return (
        *((Stop(containers=running, seconds=seconds, cause=cause),) if running else ()),
        *((Remove(containers=refs(replicas), cause=cause),) if replicas else ()),
    )


def leaving(plan: Plan) -> frozenset[str]:
    """Return the ids of the containers that a plan stops or removes."""
    return frozenset(ref.container for step in plan.steps if isinstance(step, Stop | Remove) for ref in step.containers)
