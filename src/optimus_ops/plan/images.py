"""Steps that get secrets and images in place before anything starts."""

from __future__ import annotations

from collections.abc import Iterable

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State, short_id
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.checks import check_obtainable, check_pullable
from optimus_ops.plan.inputs import ObservedInputs, idle_images
from optimus_ops.plan.requests import ScaleRequest
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Build, MakeFallbacks, Pin, Pull, WriteSecrets

MISSING = Cause("the images are not on this machine", "missing")
OUTDATED = Cause("its sources changed", "sources")


def prepare_steps(stack: Stack, state: State, request: ScaleRequest, inputs: ObservedInputs) -> tuple[Step, ...]:
    """Return the steps that get secrets, images and pins in place."""
    causes = {image: OUTDATED for image in idle_images(stack, state) if image in inputs.outdated}
    unbuilt = [image for image in stack.built_images if image not in inputs.images]
    causes |= dict.fromkeys(unbuilt, MISSING)
    missing = [
        name
        for name, service in stack.services.items()
        if service.image in stack.images
        and service.image not in stack.built_images
        and service.image not in inputs.images
    ]
    bases = fallback_steps(inputs) if missing or unbuilt or request.build else ()
    # Of a fallback image, the files have another name by the time that it is there.
    pulled = [name for name in missing if not bases or stack.services[name].image not in inputs.fallbacks_missing]
    check_pullable(stack, pulled, inputs)
    moved = [name for name, service in stack.services.items() if service.image in inputs.moved]
    causes |= {stack.services[name].image: Cause(f"--build {name}", "requested") for name in sorted(request.build)}
    builds = _build_steps(stack, causes)
    check_obtainable((image for step in builds for image in bases_of(stack, step.services)), inputs)
    cut = Cause("so that the database has enough connections")
    pins = (Pin(environment=request.environment, cause=cut),) if request.environment else ()
    return (*secrets_steps(inputs), *bases, *pull_steps(stack, pulled, moved, inputs), *builds, *pins)


def secrets_steps(inputs: ObservedInputs) -> tuple[Step, ...]:
    """Return the step that gets secrets in place, if there is anything to write."""
    if inputs.secrets is None:
        return ()
    text = "platform-owned secrets are missing" if inputs.secrets else "the projected secrets are out of date"
    return (WriteSecrets(names=inputs.secrets, cause=Cause(text, "missing" if inputs.secrets else "secret")),)


def fallback_steps(inputs: ObservedInputs) -> tuple[Step, ...]:
    """Return the step that builds fallback images, where public images are missing and no registry answers."""
    if not inputs.fallbacks_missing or inputs.registry_answers:
        return ()
    cause = Cause("no registry answers, and they are not on this machine", "registry")
    return (MakeFallbacks(images=inputs.fallbacks_missing, cause=cause),)


def pull_steps(stack: Stack, missing: Iterable[str], moved: Iterable[str], inputs: ObservedInputs) -> tuple[Step, ...]:
    """Return the pulls of services whose images are missing, and of those whose tags moved in their registry."""
    missing, moved = tuple(missing), tuple(moved)
    return (
        *((Pull(services=missing, cause=MISSING),) if missing else ()),
        *((Pull(services=moved, cause=moved_cause(stack, moved, inputs)),) if moved else ()),
    )


def moved_cause(stack: Stack, services: Iterable[str], inputs: ObservedInputs) -> Cause:
    """Return why images are pulled that are on this machine."""
    images = dict.fromkeys(stack.services[name].image for name in services)
    texts = (f"{image} is {short_id(inputs.moved[image])} in its registry now" for image in images)
    return Cause("; ".join(texts), "registry")


def bases_of(stack: Stack, services: Iterable[str]) -> tuple[str, ...]:
    """Return the public images that the builds of services start from."""
    built = {stack.services[name].image for name in services}
    return tuple(
        image for service in stack.services.values() if service.image in built for image in service.base_images
    )


def _build_steps(stack: Stack, causes: dict[str, Cause]) -> tuple[Build, ...]:
    """Build each image (image -> cause) once, though several services may run it."""
    first = {service.image: name for name, service in reversed(list(stack.services.items()))}
    names = tuple(name for name in stack.services if name in {first[image] for image in causes})
    return (Build(services=names, cause=joined(causes[stack.services[name].image] for name in names)),) if names else ()
