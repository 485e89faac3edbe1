"""`invoke scale` and `up`: replicas started and stopped until each service has its number; and `invoke migrate`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimus_ops.balancer.routing import Prober
from optimus_ops.engine.start_checks import check_disk, check_ports, check_subnets
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.checks import check_checkout
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.leftovers import remove_containers, remove_unused, replaced_images
from optimus_ops.plan.notes import Notices, noting_differences, with_notes
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.scale import plan_migrate, plan_scale
from optimus_ops.plan.step import Plan
from optimus_ops.rollout.budget_check import BudgetCheck
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.moved_tags import moved_while_idle
from optimus_ops.rollout.summary import observe_notices, replica_summary
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import observe_changed_inputs, observe_inputs
from optimus_ops.stack.overlays import check_switch


@dataclass(frozen=True)
class ObservedScale:
    """What a plan of `scale` is made from; `unanswered` tells which registries could not be asked."""

    stack: Stack
    state: State
    inputs: ObservedInputs
    notices: Notices
    unanswered: tuple[str, ...]


def scale(context: StackContext, request: ScaleRequest, prober: Prober | None = None) -> None:
    """Bring the stack up with the requested numbers of replicas, proven through the balancer."""
    with context.run() as run:
        with run.observing():
            observed = observe(context, request)
            plan = make_plan(context, request, observed)
        # Services without a number go back to that before a change that was killed.
        restores = not request.counts and not request.build
        run.execute(plan, StackExecutor.of(context, observed.stack, prober), restores=restores)
        run.finish(replica_summary(context))


def observe(context: StackContext, request: ScaleRequest) -> ObservedScale:
    """Observe everything that the plan depends on."""
    docker, compose = context.docker, context.compose
    files, state = context.observe()
    stack = files.stack
    check_checkout(state, context.project.real_folder)
    context.check_known(stack, [*request.counts, *request.build])
    check_switch(context.project, request.overlays, docker.files(context.project.name))
    check_ports(stack, state, compose)
    check_subnets(docker, files.document)
    check_disk(docker.root)
    inputs = observe_inputs(compose, docker, files, state, building=bool(request.build))
    moved, unanswered = moved_while_idle(docker, stack, state)
    inputs = replace(inputs, before=context.running_before(), moved=moved)
    inputs = observe_changed_inputs(inputs, compose, docker, files, state)
    return ObservedScale(stack, state, inputs, observe_notices(context, files, state), unanswered)


def make_plan(context: StackContext, request: ScaleRequest, observed: ObservedScale) -> Plan:
    """Return the plan within its budgets, with what it mentions."""
    stack, state = observed.stack, observed.state
    plan = plan_scale(stack, state, request, observed.inputs)
    check = BudgetCheck.of(context, stack, state, request.counts)
    if request.fit_pool and (environment := check.fitting_pools(plan)):
        plan = plan_scale(stack, state, replace(request, environment=environment), observed.inputs)
    else:
        plan = check.within_budget(plan)
    return _with_notices(plan, observed, remove_orphans=request.remove_orphans)


def _with_notices(plan: Plan, observed: ObservedScale, *, remove_orphans: bool) -> Plan:
    """Return the plan with what it mentions: leftovers, which go on request, differences, silent registries."""
    stack, state, notices = observed.stack, observed.state, observed.notices
    replaced = replaced_images(plan, stack, state, observed.inputs.images)
    leftovers = replace(notices.leftovers, images=(*notices.leftovers.images, *replaced))
    if remove_orphans:
        plan = replace(plan, steps=(*plan.steps, *remove_containers(leftovers.containers), *remove_unused(leftovers)))
        leftovers = Leftovers()
    plan = with_notes(plan, stack, state, replace(notices, leftovers=leftovers))
    return noting_differences(plan, stack, state, observed.inputs).noting(observed.unanswered)


def migrate(context: StackContext, prober: Prober | None = None) -> None:
    """Run the migrations job once, with the stores that it needs."""
    with context.run() as run:
        with run.observing():
            files, state = context.observe()
            check_checkout(state, context.project.real_folder)
            inputs = observe_inputs(context.compose, context.docker, files, state, building=False)
            plan = plan_migrate(files.stack, state, inputs)
        run.execute(plan, StackExecutor.of(context, files.stack, prober))
        run.finish()
