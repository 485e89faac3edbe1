"""Reload of the balancer, where nothing but its configuration changed."""

from __future__ import annotations

from optimus_ops.errors import Refused
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.images import moved_cause
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.staleness import staleness
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import SETTLE_SECONDS, CheckConfig, Reload, VerifyRouting

OUTAGE = "plan one: invoke down, then invoke up"
HOLDS_PORTS = "it holds the ports on the host, so that replacing it is an outage of about a second"


def reload_steps(stack: Stack, state: State, request: RolloutSpec, inputs: ObservedInputs) -> tuple[Step, ...]:
    """Return the steps by which the balancer loads a changed configuration; refuse it if more than that changed."""
    name = stack.balancer
    if name is None or name not in request.services:
        return ()
    [replica] = state.running(name)
    if stack.services[name].image in inputs.moved:
        raise Refused(f"{name}: {moved_cause(stack, (name,), inputs)}; {HOLDS_PORTS}", OUTAGE)
    stale = staleness(stack, state, [name], inputs).get(replica.id)
    if stale is None and not request.force:
        return ()
    if stale and not stale.only_configuration and not request.force:
        others = "" if request.named else "; the others meanwhile: invoke deploy SERVICE"
        raise Refused(f"{stale.cause}; {HOLDS_PORTS}", f"{OUTAGE}{others}")
    cause = stale.cause if stale else Cause(f"{name}: --force", "requested")
    counts = tuple((other, len(state.running(other))) for other in stack.routed if state.running(other))
    changed = Cause("the balancer has a new configuration")
    return (
        CheckConfig(service=name, cause=cause),
        Reload(service=name, cause=cause),
        VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=changed),
    )
