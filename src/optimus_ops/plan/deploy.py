"""Planning `deploy` and `rollback`: start-first rolling replacement, service by service, batch by batch.

The old version serves throughout: new replicas start beside it, are proven healthy and reached by the balancer, are
observed, and only then do old ones drain. Those are removed last of all; until then an undo starts them again, exactly
as they were.
"""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.batches import roll
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.checks import check_replaceable, check_services
from optimus_ops.plan.dependents import restart_steps
from optimus_ops.plan.deploy_images import image_steps
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.jobs import due_jobs, migrate_steps
from optimus_ops.plan.order import start_order
from optimus_ops.plan.reload import reload_steps
from optimus_ops.plan.replacement import Replacement, rebuilt_images, replacements
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.start import healthy_first, wait_for_dependencies
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import SETTLE_SECONDS, CheckContracts, Remove, Start, VerifyRouting
from optimus_ops.plan.stop import refs, resume_steps


def plan_deploy(stack: Stack, state: State, request: RolloutSpec, inputs: ObservedInputs) -> Plan:
    """Plan how stale replicas are replaced; the stack has the images of the request."""
    resume, state = resume_steps(state), state.resumed()
    check_services(stack, request.services)
    check_replaceable(stack, state, request.services)
    items = replacements(stack, state, request, inputs)
    names = tuple(item.service for item in items)
    reload = reload_steps(stack, state, request, inputs)
    images = image_steps(stack, request, inputs, items) if items or request.repin else ()
    before = _before_start(stack, state, request, inputs, names) if items else ()
    batches = (step for item in items for step in roll(stack, request, item))
    restart = restart_steps(stack, state, names)
    steps = (*resume, *images, *before, *batches, *restart, *reload, *_last_steps(stack, items))
    return Plan(state.project, request.purpose, steps)


def _before_start(
    stack: Stack, state: State, request: RolloutSpec, inputs: ObservedInputs, names: tuple[str, ...]
) -> tuple[Step, ...]:
    """Return what is done before the first new replica starts: contracts checked, dependencies healthy, jobs ended."""
    contracts = CheckContracts(services=names, cause=Cause("services that call each other run beside it"))
    jobs = _jobs(stack, state, request, inputs, names) if request.migrate else {}
    waits = wait_for_dependencies(state, healthy_first(stack, (*names, *jobs)))
    ordered = (step for group in start_order(stack, jobs) for name in group for step in jobs[name])
    return (contracts, *waits, *ordered)


def _jobs(
    stack: Stack, state: State, request: RolloutSpec, inputs: ObservedInputs, names: tuple[str, ...]
) -> dict[str, tuple[Step, ...]]:
    """Return the jobs that run on the new images; the migrations only for services of the same image."""
    rebuilt = rebuilt_images(stack, request, inputs)
    image = stack.services[stack.migrations].image if stack.migrations else ""
    users = [name for name in names if stack.services[name].image == image]
    built = rebuilt & {image} if users else frozenset[str]()
    allow = request.allow_contract
    migrate = migrate_steps(stack, state, inputs, users, rebuilt=built, allow_contract=allow)
    return due_jobs(stack, state, inputs, names, rebuilt, migrate)


def _last_steps(stack: Stack, items: Iterable[Replacement]) -> tuple[Step, ...]:
    """Return the proof that old replicas get no traffic any more, and their removal."""
    counts = tuple((item.service, item.wanted) for item in items if item.service in stack.routed)
    settle = VerifyRouting(counts=counts, settle=SETTLE_SECONDS, cause=Cause("replicas were replaced"))
    gone = tuple(ref for item in items for ref in refs((*item.old, *item.ended)))
    remove = (Remove(containers=gone, cause=Cause("they were replaced")),) if gone else ()
    return (*((settle,) if counts else ()), *remove)


def deployable(stack: Stack, state: State) -> tuple[str, ...]:
    """Return the services that `deploy` looks at when none is named: all that may be replaced, and are there."""
    edge = (stack.balancer,) if stack.balancer and state.running(stack.balancer) else ()
    return (*(name for name in stack.scalable if state.lasting(name)), *edge)


def peak_replicas(stack: Stack, state: State, plan: Plan) -> dict[str, int]:
    """Return how many replicas of each service there are at once, at most, while a plan is carried out."""
    peak = {name: len(state.running(name)) for name in stack.services}
    for step in plan.steps:
        if isinstance(step, Start):
            peak |= {name: max(peak[name], count) for name, count in step.counts}
    return {name: count for name, count in peak.items() if count}
