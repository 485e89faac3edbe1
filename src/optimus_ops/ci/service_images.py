"""Images of service containers on this machine: the workflow's own, or fallback images where no registry answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import MissingPrerequisite
from optimus_ops.images.fallback_catalogue import FallbackImage, split
from optimus_ops.images.fallback_images import ensure_fallbacks
from optimus_ops.images.registry import registry_answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.ci.ci_plan import CiPlan
    from optimus_ops.project.settings import Project
    from optimus_ops.text.console import Console


def local_images(project: Project, plan: CiPlan) -> dict[str, str]:
    """Return image of the workflow -> image that runs in its place; empty where all are here or can be pulled.

    Nothing is made yet: `make_images` does that.

    Raises:
        MissingPrerequisite: no engine runs, or no registry answers and an image has no fallback.
    """
    wanted = {service.image for entry in plan.leaves if entry.runs for service in entry.job.services}
    if not wanted:
        return {}
    engine = DockerEngine.connect()
    missing = sorted(image for image in wanted if engine.image(image) is None)
    if not missing or registry_answers(engine, missing):
        return {}
    fallbacks, without = split(missing)
    without += tuple(
        found.image for found in fallbacks if not _has_recipe(project, found) and engine.image(found.image) is None
    )
    if without:
        raise MissingPrerequisite(
            f"no image registry answers, and these images of services are not here: {', '.join(without)}",
            "load them from a file: docker load -i IMAGE.tar",
        )
    return {image: split([image])[0][0].image for image in missing}


def make_images(project: Project, images: Iterable[str], console: Console) -> None:
    """Make the fallback images that this project has recipes of; others are here already.

    Raises:
        OpsError: one can't be made.
    """
    made = [found.image for found in split(images)[0] if _has_recipe(project, found)]
    if made:
        with console.step("images of services") as progress:
            ensure_fallbacks(DockerEngine.connect(), project, made, progress.show)


def _has_recipe(project: Project, fallback: FallbackImage) -> bool:
    return (project.root / "compose" / "airgap" / fallback.folder).is_dir()
