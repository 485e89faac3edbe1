"""`invoke deploy` and `rollback`: replicas replaced batch by batch, while the old version serves."""

from __future__ import annotations

from dataclasses import replace

from optimus_ops.balancer.routing import Prober
from optimus_ops.contracts.agreement import agree_on_deploy, contracts_to_come
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.start_checks import check_disk, check_subnets
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State
from optimus_ops.plan.checks import check_checkout, check_replaceable, check_services
from optimus_ops.plan.dependents import dependents_of
from optimus_ops.plan.deploy import deployable, plan_deploy
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.notes import noting_differences, with_notes
from optimus_ops.plan.order import dependencies_first
from optimus_ops.plan.replacement import rebuilt_images
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.step import Plan
from optimus_ops.rollout.budget_check import BudgetCheck
from optimus_ops.rollout.executor import StackExecutor
from optimus_ops.rollout.last_deploy import replaced_by_last_deploy, with_another_image
from optimus_ops.rollout.moved_tags import moved_tags
from optimus_ops.rollout.pinned_images import previous_image, requested_images
from optimus_ops.rollout.requests import DeployRequest, RollbackRequest
from optimus_ops.rollout.summary import observe_notices, replica_summary
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import WantedStack, observe_inputs, observe_versions, running_images


def deploy(context: StackContext, request: DeployRequest, prober: Prober | None = None) -> None:
    """Roll out changed images or configuration, one batch at a time."""
    with context.run() as run:
        with run.observing():
            stack, state = observe(context, request.services)
            spec = deploy_spec(context, stack, state, request)
            stack, plan = make_plan(context, state, spec, fit_pool=request.fit_pool)
        run.execute(plan, StackExecutor.of(context, stack, prober))
        run.finish(replica_summary(context))


def rollback(context: StackContext, request: RollbackRequest, prober: Prober | None = None) -> None:
    """Go back to the image that a service ran before."""
    with context.run() as run:
        with run.observing():
            stack, state = observe(context, request.services)
            stack, plan = make_plan(context, state, rollback_spec(context, stack, state, request))
        run.execute(plan, StackExecutor.of(context, stack, prober))
        run.finish(replica_summary(context))


def observe(context: StackContext, services: tuple[str, ...]) -> tuple[Stack, State]:
    """Observe what is wanted and what runs."""
    files, state = context.observe()
    check_checkout(state, context.project.real_folder)
    check_subnets(context.docker, files.document)
    check_disk(context.docker.root)
    context.check_known(files.stack, services)
    return files.stack, state


def deploy_spec(context: StackContext, stack: Stack, state: State, request: DeployRequest) -> RolloutSpec:
    """Return what a deploy replaces by what; all that run and may be replaced, if no service is named."""
    services = request.services or deployable(stack, state)
    return RolloutSpec(
        services=services,
        named=bool(request.services),
        images=requested_images(context.compose.pinned().images, stack, services, request.image),
        parallelism=request.parallelism,
        surge=request.surge,
        asking=request.asking,
        observe=request.observe,
        allow_contract=request.allow_contract,
        force=request.force,
    )


def rollback_spec(context: StackContext, stack: Stack, state: State, request: RollbackRequest) -> RolloutSpec:
    """Return what a rollback replaces by what; migrations stay, and no registry is asked."""
    services = changed = request.services
    if request.last:
        replaced = replaced_by_last_deploy(context.journal, context.project.name)
        services, changed = tuple(replaced), with_another_image(replaced, state)
        context.check_known(stack, services)
    check_replaceable(stack, state, services)
    return RolloutSpec(
        services=services,
        images={name: previous_image(context, stack, state, name) for name in changed},
        parallelism=request.parallelism,
        surge=request.surge,
        asking="never",
        observe=request.observe,
        migrate=False,
        purpose="rollback",
    )


def make_plan(context: StackContext, state: State, spec: RolloutSpec, *, fit_pool: bool = False) -> tuple[Stack, Plan]:
    """Return the stack as it will be, with the images of the rollout, and the plan."""
    docker = context.docker
    compose, repin = _pinned(context, spec)
    files = WantedStack.read(compose)
    stack = files.stack
    spec = _with_dependents(stack, state, replace(spec, repin=repin))
    inputs = observe_inputs(compose, docker, files, state, building=True)
    inputs = observe_versions(inputs, compose, docker, files, state, spec.services)
    moved = moved_tags(docker, stack, _services_to_ask(stack, spec), spec.asking)
    inputs = replace(inputs, before=context.running_before(), moved=moved)
    spec = replace(spec, services=_in_order(context, files, state, spec, inputs))
    plan = plan_deploy(stack, state, spec, inputs)
    check = BudgetCheck.of(context, stack, state, {name: len(state.lasting(name)) for name in spec.services})
    if fit_pool and (environment := check.fitting_pools(plan)):
        return make_plan(context, state, replace(spec, environment=environment))
    plan = with_notes(check.within_budget(plan), stack, state, observe_notices(context, files, state))
    replaced = [name for name in spec.services if name not in spec.dependents]
    return stack, noting_differences(plan, stack, state, inputs, replaced)


def _pinned(context: StackContext, spec: RolloutSpec) -> tuple[Compose, bool]:
    """Return the project's files as they will be pinned, and whether that changes anything."""
    now = context.compose.pinned()
    pins = now.with_images(spec.images).with_variables(spec.environment)
    return context.compose.with_pins(pins), pins != now


def _with_dependents(stack: Stack, state: State, spec: RolloutSpec) -> RolloutSpec:
    """Return the rollout with what has to be restarted after its services, dependencies first."""
    check_services(stack, spec.services)
    asked = tuple(name for name in spec.services if name not in spec.dependents)
    dependents = dependents_of(stack, state, asked)
    services = dependencies_first(stack, (*asked, *(name for name in stack.services if name in dependents)))
    return replace(spec, services=services, dependents=dependents)


def _services_to_ask(stack: Stack, spec: RolloutSpec) -> tuple[str, ...]:
    """Return the services whose registries may be asked: the balancer's only if it is named.

    It can't be replaced without an outage, and is among the services where none is named.
    """
    names = (name for name in spec.services if name not in spec.dependents)
    return tuple(name for name in names if name != stack.balancer or spec.named)


def _in_order(
    context: StackContext, files: WantedStack, state: State, spec: RolloutSpec, inputs: ObservedInputs
) -> tuple[str, ...]:
    """Return the services in an order in which versions never run side by side that break one another."""
    stack = files.stack
    check_replaceable(stack, state, spec.services)
    names = tuple(name for name in spec.services if name != stack.balancer)
    images = {name: stack.services[name].image for name in names}
    rebuilt = rebuilt_images(stack, spec, inputs)
    to_come = contracts_to_come(files.document, rebuilt - set(inputs.moved))
    agreed = agree_on_deploy(
        context.docker,
        images,
        running_images(state),
        to_come={name: to_come.get(name) for name in names if images[name] in rebuilt},
    )
    return (*agreed.order, *(name for name in spec.services if name not in names))
