"""`invoke images.*`: build the images of services, list them, make stand-ins where no registry answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

PLAN = "print the plan and change nothing"
OVERLAY = "an overlay of the Compose files besides those that are always on (may be given several times)"


@task(
    iterable=["service", "overlay"],
    help={"service": "build this service only (may be given several times)", "overlay": OVERLAY, "plan": PLAN},
)
def build(_: Context, service: list[str], overlay: list[str], plan: bool = False) -> None:
    """Build the images of services; what did not change comes from the cache."""
    from optimus_ops.images import commands

    commands.build_images(service, overlay, plan=plan)


@task(
    iterable=["overlay"],
    help={
        "force": "make them even where a registry answers",
        "refresh": "make them anew, with the packages of today",
        "overlay": OVERLAY,
        "plan": PLAN,
    },
)
def bases(_: Context, overlay: list[str], force: bool = False, refresh: bool = False, plan: bool = False) -> None:
    """Make stand-ins for public images from the distribution's packages, where no registry answers."""
    from optimus_ops.images import commands

    commands.make_bases(overlay, force=force, refresh=refresh, plan=plan)


@task(name="list", iterable=["overlay"], help={"json": "print one JSON document", "overlay": OVERLAY})
def list_images(_: Context, overlay: list[str], json: bool = False) -> None:
    """List the stack's images: size, age, and whether they are current with their sources."""
    from optimus_ops.images import commands

    commands.print_images(overlay, json=json)
