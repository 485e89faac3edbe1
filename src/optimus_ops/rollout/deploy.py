"""`invoke deploy` and `rollback`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optimus_ops.contracts import agree_on_deploy, contracts_to_come
from optimus_ops.engine.disk import check_disk
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.engine.subnets import check_subnets
from optimus_ops.errors import Refused
from optimus_ops.model.budget_items import BudgetPolicy
from optimus_ops.model.image_names import repository_of
from optimus_ops.model.state import short_id
from optimus_ops.plan.deploy import (
    DeployRequest,
    check_replaceable,
    dependents_of,
    deployable,
    plan_deploy,
    rebuilt_images,
)
from optimus_ops.plan.differences import noting_differences
from optimus_ops.plan.notes import with_notes
from optimus_ops.plan.order import dependencies_first
from optimus_ops.plan.scale import check_checkout, check_services
from optimus_ops.rollout.budget_check import BudgetCheck
from optimus_ops.rollout.change import change
from optimus_ops.rollout.moved_tags import moved_tags
from optimus_ops.rollout.notices import notice
from optimus_ops.rollout.scale import summary
from optimus_ops.stack.context import StackContext
from optimus_ops.stack.observed_inputs import WantedStack, look_at_versions, observe_inputs, running_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.change.options import ChangeOptions
    from optimus_ops.engine.compose import Compose
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State
    from optimus_ops.plan.scale import ObservedInputs
    from optimus_ops.plan.step import Plan


@dataclass(frozen=True)
class DeployFlags:
    """What was asked for.

    Args:
        services: the services; all that run and may be replaced if empty.
        image: a tag, or a whole image name, in place of the image of the Compose files; "" for that one.
        request: the rest, with `services` and `images` still empty.
        fit_pool: whether database pools are cut where the replicas would not fit.
    """

    services: tuple[str, ...]
    image: str
    request: DeployRequest
    fit_pool: bool = False


def deploy(flags: DeployFlags, options: ChangeOptions) -> None:
    """Replace what is stale of the services, with the old version serving throughout."""
    session = StackContext.open((), options)

    def make_plan() -> tuple[Plan, Stack]:
        stack, state = look(session)
        session.check_known(stack, flags.services)
        services = flags.services or deployable(stack, state)
        images = requested_images(session, stack, services, flags.image)
        request = replace(flags.request, services=services, images=images, named=bool(flags.services))
        return planned(session, state, request, fit_pool=flags.fit_pool)

    change(session, make_plan, lambda: summary(session))


def rollback(flags: DeployFlags, options: ChangeOptions) -> None:
    """Go back to the image that a service ran before."""
    session = StackContext.open((), options)

    def make_plan() -> tuple[Plan, Stack]:
        stack, state = look(session)
        session.check_known(stack, flags.services)
        check_replaceable(stack, state, flags.services)
        images = {name: previous_image(session, stack, state, name) for name in flags.services}
        request = replace(flags.request, services=flags.services, images=images, migrate=False, purpose="rollback")
        request = replace(request, asking="never")
        return planned(session, state, request)

    change(session, make_plan, lambda: summary(session))


def look(session: StackContext) -> tuple[Stack, State]:
    """Return what is wanted and what runs, if it may be changed from here."""
    files, state = session.look()
    check_checkout(state, session.project.real_folder)
    check_subnets(session.docker, files.document)
    check_disk(session.docker.root)
    return files.stack, state


def planned(
    session: StackContext, state: State, request: DeployRequest, *, fit_pool: bool = False
) -> tuple[Plan, Stack]:
    """Return the plan for a request, and the stack as it will be, with the images of the request.

    Args:
        session: the project.
        state: what runs.
        request: what was asked for.
        fit_pool: whether database pools are cut where the replicas would not fit.
    """
    compose, request = _pinned_as_asked(session, request)
    wanted = WantedStack.read(compose)
    stack = wanted.stack
    request = _with_dependents(stack, state, request)
    around = observe_inputs(compose, session.docker, wanted, state, building=True)
    around = look_at_versions(around, compose, session.docker, wanted, state, request.services)
    asked = services_to_ask(wanted.stack, request)
    moved = moved_tags(session.docker, stack, asked, request.asking)
    around = replace(around, before=session.running_before(), moved=moved)
    request = replace(request, services=in_order(session, wanted, state, request, around))
    plan = plan_deploy(stack, state, request, around)
    counts = {name: len(state.lasting(name)) for name in request.services}
    budgeting = BudgetCheck(session.docker, stack, state, counts, BudgetPolicy.of(session.project.budgets))
    if fit_pool and (environment := budgeting.pools_that_fit(plan)):
        return planned(session, state, replace(request, environment=environment))
    plan = with_notes(budgeting.checked(plan), stack, state, notice(session, wanted, state))
    replaced = [name for name in request.services if name not in request.dependents]
    return noting_differences(plan, stack, state, around.versions, replaced), stack


def _with_dependents(stack: Stack, state: State, request: DeployRequest) -> DeployRequest:
    """Return the request with what has to be restarted after its services, in the order of what depends on what."""
    check_services(stack, request.services)
    asked = tuple(name for name in request.services if name not in request.dependents)
    dependents = dependents_of(stack, state, asked)
    services = dependencies_first(stack, (*asked, *(name for name in stack.services if name in dependents)))
    return replace(request, services=services, dependents=dependents)


def services_to_ask(stack: Stack, request: DeployRequest) -> tuple[str, ...]:
    """Return the services whose registries may be asked: the balancer's only if it is named.

    It can't be replaced without an outage, and is among the services where none is named.
    """
    names = (name for name in request.services if name not in request.dependents)
    return tuple(name for name in names if name != stack.balancer or request.named)


def in_order(
    session: StackContext, wanted: WantedStack, state: State, request: DeployRequest, around: ObservedInputs
) -> tuple[str, ...]:
    """Return the services in an order in which no moment has versions side by side that break one another.

    Raises:
        Refused: there is none; the message names consumer, provider, endpoint and field.
    """
    check_services(wanted.stack, request.services)
    check_replaceable(wanted.stack, state, request.services)
    names = tuple(name for name in request.services if name != wanted.stack.balancer)
    images = {name: wanted.stack.services[name].image for name in names}
    anew = rebuilt_images(wanted.stack, request, around)
    to_come = contracts_to_come(wanted.document, anew - set(around.moved))
    agreed = agree_on_deploy(
        session.docker,
        images,
        running_images(state),
        to_come={name: to_come.get(name) for name in names if images[name] in anew},
    )
    return (*agreed.order, *(name for name in request.services if name not in names))


def _pinned_as_asked(session: StackContext, request: DeployRequest) -> tuple[Compose, DeployRequest]:
    """Return the project's files as they will be pinned, and the request, which says whether that changes anything."""
    now = session.compose.pinned()
    pins = now.with_images(request.images).with_variables(request.environment)
    return session.compose.with_pins(pins), replace(request, repin=pins != now)


def requested_images(session: StackContext, stack: Stack, services: tuple[str, ...], image: str) -> dict[str, str]:
    """Return service -> image to pin ("": back to the one of the Compose files), where that changes anything.

    Args:
        session: the project.
        stack: what is wanted now.
        services: the services.
        image: a tag, or a whole image name; "" for what the Compose files say.

    Raises:
        Refused: one whole name for services that run different images.
    """
    pinned = session.compose.pinned().images
    if not image:
        return {name: "" for name in with_job(stack, services) if name in pinned}
    names = {name: repository_of(stack.services[name].image) for name in services if name != stack.balancer}
    whole = "/" in image or ":" in image
    if whole and len(set(names.values())) > 1:
        raise Refused(
            f"--image {image} is one image, and {', '.join(names)} run different ones",
            "give the tag alone, or deploy them one by one",
        )
    wanted = {name: image if whole else f"{repository}:{image}" for name, repository in names.items()}
    job = {name: wanted[services[0]] for name in with_job(stack, services) if name not in wanted}
    return {**wanted, **(job if services[0] in wanted else {})}


def with_job(stack: Stack, services: tuple[str, ...]) -> tuple[str, ...]:
    """Return services, and the migrations job if it is of the same image: it belongs to that version."""
    images = {stack.services[name].image for name in services}
    job = stack.migrations
    return (*services, job) if job and stack.services[job].image in images else services


def previous_image(session: StackContext, stack: Stack, state: State, service: str) -> str:
    """Return the name of the image that a service ran before the one that it runs, or is wanted, now.

    Raises:
        Refused: none is known, or it isn't on this machine any more.
    """
    kept = KeptImages.of(session.compose.project)
    name = stack.services[service].image
    now = {replica.image_id for replica in state.running(service) or state.lasting(service)}
    if len(now) > 1:
        # A deploy that was killed: what it was getting to is what is gone back from.
        now = set(session.docker.images([name]).values())
    candidates = [image for image in kept.read().get(service, ()) if image not in now]
    here: Mapping[str, str] = session.docker.images(kept.name_of(name, image) for image in candidates)
    for image in reversed(candidates):
        if kept.name_of(name, image) in here:
            return kept.name_of(name, image)
    if candidates:
        raise Refused(
            f"the image that {service} ran before ({short_id(candidates[-1])}) is not on this machine any more",
            f"fetch or build it, then: invoke deploy {service} --image TAG",
        )
    raise Refused(f"no image is known that {service} ran before", "images are kept by: invoke deploy")
