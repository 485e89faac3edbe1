"""Image steps of a deploy: what runs is kept for a rollback, and the new images are built, pulled and pinned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimus_ops.model.stack import Stack
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.checks import check_obtainable, check_pullable
from optimus_ops.plan.images import MISSING, OUTDATED, bases_of, fallback_steps, pull_steps, secrets_steps
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.replacement import Replacement, is_fetched, rebuilt_images
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Build, Keep, Pin


def image_steps(
    stack: Stack, request: RolloutSpec, inputs: ObservedInputs, items: tuple[Replacement, ...]
) -> tuple[Step, ...]:
    """Return the steps that get the new images in place and keep the old ones."""
    rebuilt = rebuilt_images(stack, request, inputs)
    named = dict.fromkeys([*request.services, *request.images])
    moved = [name for name in named if stack.services[name].image in inputs.moved]
    missing = [
        name
        for name in named
        if name not in moved and stack.services[name].image in rebuilt and is_fetched(stack, request, name)
    ]
    own = {stack.services[name].image: name for name in reversed(request.services) if name not in {*missing, *moved}}
    built = tuple(name for image, name in own.items() if image in rebuilt)
    keep = tuple(_keep_steps(stack, inputs, items, rebuilt))
    build = _build_steps(stack, inputs, built)
    check_pullable(stack, missing, inputs)
    pin: tuple[Step, ...] = ()
    if request.repin:
        cause = joined(item.cause for item in items) if items else Cause("as asked for", "requested")
        pin = (Pin(images=tuple(request.images.items()), environment=request.environment, cause=cause),)
    return (*secrets_steps(inputs), *keep, *build, *pin, *pull_steps(stack, missing, moved, inputs))


def _keep_steps(
    stack: Stack, inputs: ObservedInputs, items: Iterable[Replacement], rebuilt: frozenset[str]
) -> Iterator[Step]:
    for item in items:
        image = stack.services[item.service].image
        new = "" if image in rebuilt else inputs.images.get(image, "")
        served = [replica for replica in item.old if replica.ready]
        # Beside new replicas, what is not ready was left by a deploy that failed: nobody would go back to it.
        leaving = served or ([] if item.new else item.old)
        old = tuple(dict.fromkeys(replica.image_id for replica in leaving if replica.image_id != new))
        if old:
            yield Keep(service=item.service, images=old, cause=Cause("it runs now"))


def _build_steps(stack: Stack, inputs: ObservedInputs, services: tuple[str, ...]) -> tuple[Step, ...]:
    if not services:
        return ()
    check_obtainable(bases_of(stack, services), inputs)
    present = all(stack.services[name].image in inputs.images for name in services)
    return (*fallback_steps(inputs), Build(services=services, cause=OUTDATED if present else MISSING))
