"""Which images a deploy or a rollback pins."""

from __future__ import annotations

from collections.abc import Mapping

from optimus_ops.change.history import unfinished
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import Refused
from optimus_ops.model.image_names import is_kept, repository_of
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State, short_id
from optimus_ops.stack.context import StackContext


def requested_images(pinned: Mapping[str, str], stack: Stack, services: tuple[str, ...], image: str) -> dict[str, str]:
    """Return service -> image to pin ("": back to the one of the Compose files), where that changes anything.

    `image` is a tag or a whole image name; "" stands for what the Compose files say.
    """
    if not image:
        return {name: "" for name in _with_job(stack, services) if name in pinned}
    repositories = {name: repository_of(stack.services[name].image) for name in services if name != stack.balancer}
    whole = "/" in image or ":" in image
    if whole and len(set(repositories.values())) > 1:
        raise Refused(
            f"--image {image} is one image, and {', '.join(repositories)} run different ones",
            "give the tag alone, or deploy them one by one",
        )
    wanted = {name: image if whole else f"{repository}:{image}" for name, repository in repositories.items()}
    job = stack.migrations
    # It belongs to the version of the services that share its image.
    of_job = [name for name in wanted if job and stack.services[name].image == stack.services[job].image]
    return {**wanted, job: wanted[of_job[0]]} if job and of_job and job not in wanted else wanted


def _with_job(stack: Stack, services: tuple[str, ...]) -> tuple[str, ...]:
    """Return services, and the migrations job if it is of the same image: it belongs to that version."""
    images = {stack.services[name].image for name in services}
    job = stack.migrations
    return (*services, job) if job and stack.services[job].image in images else services


def previous_image(context: StackContext, stack: Stack, state: State, service: str) -> str:
    """Return the name of the image that a service ran before the one that it runs, or is wanted, now."""
    pinned = context.compose.pinned().images.get(service, "")
    if is_kept(pinned) and _was_rolled_back(context, service):
        return pinned
    kept = KeptImages.of(context.project)
    name = stack.services[service].image
    now = {replica.image_id for replica in state.running(service) or state.lasting(service)}
    if len(now) > 1:
        # A deploy that was killed: a rollback leaves what it was getting to.
        now = set(context.docker.images([name]).values())
    candidates = [image for image in kept.read().get(service, ()) if image not in now]
    here = context.docker.images(kept.name_of(name, image) for image in candidates)
    for image in reversed(candidates):
        if kept.name_of(name, image) in here:
            return kept.name_of(name, image)
    if candidates:
        raise Refused(
            f"the image that {service} ran before ({short_id(candidates[-1])}) is not on this machine any more",
            f"fetch or build it, then: invoke deploy {service} --image TAG",
        )
    raise Refused(f"no image is known that {service} ran before", "images are kept by: invoke deploy")


def _was_rolled_back(context: StackContext, service: str) -> bool:
    """Tell whether the last change was a rollback of a service that was killed: the same command goes on with it."""
    change = unfinished(context.journal, context.project.name)
    return change is not None and change.purpose == "rollback" and service in change.command
