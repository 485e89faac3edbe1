"""The check of images, for `invoke doctor`: here, to be built, or to be had from a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.checks.model import Check
from optimus_ops.images.registry import registry_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimus_ops.doctor.model import DoctorContext
    from optimus_ops.engine.port import Engine
    from optimus_ops.model.stack import Stack


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Which public images are missing on the host, and which of the project's own aren't built yet.

    `registry`: whether the registries of the missing ones answer; None if nothing is missing.
    """

    missing: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()
    registry: bool | None = None


def doctor_checks(context: DoctorContext) -> Iterator[Check]:
    """Check that all images are here or can be had."""
    if context.stack is not None and context.engine is not None:
        yield check_images(read_images(context.stack, context.engine))


def read_images(stack: Stack, engine: Engine) -> ImageFacts:
    """Ask the engine for images, and the registry for those that are missing."""
    here = engine.images([*stack.images, *stack.public_images])
    own = {service.image for service in stack.services.values() if service.builds}
    unbuilt = tuple(sorted(image for image in own if image not in here))
    run = {service.image for service in stack.services.values() if not service.builds}
    # What builds start from is needed only where something is still to be built.
    needed = stack.public_images if unbuilt else tuple(image for image in stack.public_images if image in run)
    missing = tuple(image for image in needed if image not in here)
    return ImageFacts(missing, unbuilt, registry_answers(engine, missing) if missing else None)


def check_images(images: ImageFacts) -> Check:
    """Return the verdict."""
    unbuilt = f"to be built at the first start: {', '.join(images.unbuilt)}" if images.unbuilt else ""
    if not images.missing:
        return Check("stack", "images", "ok", unbuilt or "all here")
    missing = f"{', '.join(images.missing)} not here yet"
    if images.registry:
        return Check("stack", "images", "ok", f"{missing}; the registry answers" + (f"; {unbuilt}" if unbuilt else ""))
    found = f"{missing}, and no registry answers"
    return Check("stack", "images", "warning", found, "make fallback images: invoke images.bases")
