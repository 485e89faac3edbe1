"""Planning `down`: everything stops in order, and volumes stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.scale import going
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Remove, RemoveNetwork, Stop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State


def plan_down(stack: Stack, state: State, networks: Sequence[str]) -> Plan:
    """Plan how everything is stopped and removed: the balancer first, stores last; volumes are kept.

    Args:
        stack: what is wanted (for the order and the grace periods).
        state: what runs.
        networks: names of networks to remove as well.
    """
    steps: list[Step] = []
    for names in _down_stages(stack, state):
        replicas = [replica for replica in state.replicas if replica.service in names]
        running = [replica for replica in replicas if replica.running]
        seconds = max((stack.services[name].stop_seconds for name in names if name in stack.services), default=10.0)
        cause = f"{len(replicas)} there, 0 wanted"
        if running:
            steps.append(Stop(victims=going(running), seconds=seconds, cause=Cause(cause)))
        if replicas:
            steps.append(Remove(victims=going(replicas), cause=Cause(cause)))
    steps.extend(RemoveNetwork(network=name, cause=Cause("--prune-network")) for name in networks)
    return Plan(state.project, "down", tuple(steps))


def _down_stages(stack: Stack, state: State) -> tuple[frozenset[str], ...]:
    """Return the services in the order in which they stop: the balancer, replicas, everything else."""
    balancer = frozenset({stack.balancer} - {None})
    scalable = frozenset(stack.scalable) - balancer
    there = frozenset(replica.service for replica in state.replicas)
    return (frozenset(name for name in balancer if name), scalable, there - balancer - scalable)
