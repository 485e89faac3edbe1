"""Steps about images: fallback images, pulls, builds, names kept for a rollback, pins."""

from __future__ import annotations

from functools import partial

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.leftovers import remove_nameless
from optimus_ops.engine.pins import Pins, write_pins
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import OpsError
from optimus_ops.plan.steps import Build, Keep, MakeFallbacks, Pin, Pull, RemoveImages
from optimus_ops.rollout.containers import Containers, note
from optimus_ops.system.process import CommandFailed
from optimus_ops.text.console import Progress

PULL_SECONDS = 1800.0


def make_bases(containers: Containers, step: MakeFallbacks, progress: Progress) -> None:
    """Make fallback images for public images."""
    from optimus_ops.images.fallback_images import ensure_fallbacks  # noqa: PLC0415 - costs time that most tasks don't need

    ensure_fallbacks(containers.engine, containers.compose.project, step.images, partial(note, progress))


def build_images(containers: Containers, step: Build, progress: Progress) -> None:
    """Build the images of services, under the names in the Compose files, whatever is pinned."""
    from optimus_ops.images.building import build  # noqa: PLC0415 - as above

    build(containers.compose, containers.engine, step.services, progress.show)


def pull_images(containers: Containers, step: Pull, progress: Progress) -> None:
    """Pull the images of services, each once."""
    for image in dict.fromkeys(containers.stack.services[name].image for name in step.services):
        progress.show(image)
        try:
            # Not through Compose, which pulls by the policy of the files and not as was decided.
            containers.engine.pull(image, seconds=PULL_SECONDS)
        except CommandFailed as error:
            output = error.completed.stderr.strip() or error.completed.stdout.strip()
            raise OpsError(
                f"{image} can't be pulled: {output}",
                "is its registry up, and the name right? a private one: docker login",
            ) from error


def remove_images(containers: Containers, step: RemoveImages, _progress: Progress) -> None:
    """Remove images that have no name."""
    remove_nameless(containers.engine, step.images)


def keep_images(containers: Containers, step: Keep, _progress: Progress) -> None:
    """Name the images that a service runs, so that a rollback finds them."""
    kept = KeptImages.of(containers.compose.project)
    kept.keep(containers.engine, step.service, containers.stack.services[step.service].image, step.images)


def pin(containers: Containers, step: Pin, _progress: Progress) -> None:
    """Write the pins."""
    write_pins(containers.compose.pins_file, pins_after(containers.compose, step))


def pins_after(compose: Compose, step: Pin) -> Pins:
    """Return a project's pins as they are after a step."""
    return compose.pinned().with_images(dict(step.images)).with_variables(step.environment)
