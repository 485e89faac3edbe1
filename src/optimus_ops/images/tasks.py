"""`invoke images.*`: build the images of services, list them, make fallback images where no registry answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions

OVERLAY = "overlay of the Compose files besides those that are always on (repeatable)"


@change_task(
    iterable=["service", "overlay"], help={"service": "service to build (repeatable; default: all)", "overlay": OVERLAY}
)
def build(_: Context, options: ChangeOptions, service: list[str], overlay: list[str]) -> None:
    """Build the images of services; what did not change comes from the cache."""
    from optimus_ops.images import commands

    commands.build_images(commands.BuildRequest(tuple(service), tuple(overlay)), options)


@change_task(
    iterable=["overlay"],
    help={
        "force": "make them even where a registry answers",
        "refresh": "make them anew, with the packages of today",
        "overlay": OVERLAY,
    },
)
def bases(_: Context, options: ChangeOptions, overlay: list[str], force: bool = False, refresh: bool = False) -> None:
    """Make fallback images for public ones from the distribution's packages, where no registry answers."""
    from optimus_ops.images import commands

    commands.make_fallbacks(commands.FallbackRequest(tuple(overlay), refresh, force), options)


@task(name="list", iterable=["overlay"], help={"json": "print one JSON document", "overlay": OVERLAY})
def list_images(_: Context, overlay: list[str], json: bool = False) -> None:
    """List the stack's images: size, age, and whether they are current with their sources."""
    from optimus_ops.images import commands

    commands.print_images(overlay, json=json)
