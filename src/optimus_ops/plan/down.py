"""Planning `down`: everything stops in order, and volumes stay."""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.model.stack import STOP_SECONDS, Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import RemoveNetwork
from optimus_ops.plan.stop import drain_and_remove


def plan_down(stack: Stack, state: State, networks: Iterable[str]) -> Plan:
    """Plan how everything is stopped and removed, networks included: the balancer first, then replicas, stores last."""
    steps: list[Step] = []
    for names in _stages(stack, state):
        replicas = [replica for replica in state.replicas if replica.service in names]
        grace = [stack.services[name].stop_seconds for name in names if name in stack.services]
        cause = Cause(f"{len(replicas)} there, 0 wanted", "count")
        steps += drain_and_remove(replicas, max(grace, default=STOP_SECONDS), cause)
    steps += (RemoveNetwork(network=name, cause=Cause("--prune-network", "requested")) for name in networks)
    return Plan(state.project, "down", tuple(steps))


def _stages(stack: Stack, state: State) -> tuple[frozenset[str], ...]:
    balancer = frozenset({stack.balancer} if stack.balancer else ())
    replicas = frozenset(stack.scalable) - balancer
    return (balancer, replicas, frozenset(state.services) - balancer - replicas)
