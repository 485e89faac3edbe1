"""What a change of the stack needs of the other rooms: secrets and images, observed and acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.operations.actor import Rooms
from optimus_ops.plan.scale import Surroundings, idle_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.engine.compose import Compose
    from optimus_ops.engine.observe import Docker
    from optimus_ops.engine.state import State
    from optimus_ops.project import Project
    from optimus_ops.stack.model import Stack


def look_around(compose: Compose, docker: Docker, stack: Stack, state: State, *, building: bool) -> Surroundings:
    """Observe what a plan depends on besides the containers: images, the registry, secrets.

    The registry is only asked where something would be pulled from it, because that may take seconds.

    Args:
        compose: the project's files.
        docker: its engine.
        stack: what is wanted.
        state: what runs.
        building: whether a build was asked for.
    """
    from optimus_ops.images.registry import registry_answers  # noqa: PLC0415 - costs time that most tasks don't need

    images = docker.images([*stack.images, *stack.public_images])
    bases_missing = tuple(name for name in stack.public_images if name not in images)
    incomplete = building or any(name not in images for name in stack.images)
    return Surroundings(
        images=images,
        outdated=_outdated(compose, idle_images(stack, state)),
        registry_answers=not (bases_missing and incomplete) or registry_answers(bases_missing),
        bases_missing=bases_missing,
        secrets=_secrets_to_write(compose.project),
    )


def _outdated(compose: Compose, images: tuple[str, ...]) -> frozenset[str]:
    """Return those of the images that are here but made of other sources than those of the checkout.

    Only images tagged `local` follow the checkout; one that the operator names (`AI_ENGINE_IMAGE=…:1.4`) is left alone.
    """
    images = tuple(image for image in images if image.endswith(":local"))
    if not images:
        return frozenset()
    from optimus_ops.images.listing import list_images  # noqa: PLC0415

    return frozenset(
        row.image for row in list_images(compose.document()) if row.image in images and row.current is False
    )


def _secrets_to_write(project: Project) -> tuple[str, ...] | None:
    """Return the keys to generate; None if there is nothing to write, or the project has no schema of secrets."""
    from optimus_ops import secrets  # noqa: PLC0415

    paths = secrets.SecretsPaths.of(project)
    if not paths.example.is_file():
        return None
    planned = secrets.plan(*paths)
    return None if planned.nothing_to_do else planned.generate


def rooms_for(project: Project, compose: Compose) -> Rooms:
    """Return what steps need of the other rooms."""

    def write_secrets() -> None:
        from optimus_ops import secrets  # noqa: PLC0415

        secrets.ensure(*secrets.SecretsPaths.of(project))

    def make_bases(images: tuple[str, ...], note: Callable[[str], None]) -> None:
        from optimus_ops.images.bases import ensure_bases  # noqa: PLC0415

        ensure_bases(project.root, images, note)

    def build(services: tuple[str, ...], note: Callable[[str], None]) -> None:
        from optimus_ops.images.building import build as build_images  # noqa: PLC0415

        build_images(project.root, services, compose.files, compose.environ, note)

    return Rooms(write_secrets, make_bases, build)
