"""`invoke images.*`: build, list, test and push the images of services; fallback images where no registry answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import RegistryNamespace
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions

Registry = Annotated[str, RegistryNamespace()]

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


@task(
    iterable=["service"],
    help={
        "service": "service whose image is tested (repeatable; default: all that are built)",
        "report": "folder for the report: HTML, Markdown, JSON",
        "json": "print one JSON document on standard output",
    },
)
def smoke(_: Context, service: list[str], report: str = "", json: bool = False) -> None:
    """Smoke-test built images: contents, size, and whether their services start, answer and stop by themselves."""
    from pathlib import Path

    from optimus_ops.images.smoke import SmokeRequest, smoke

    smoke(SmokeRequest(tuple(service), Path(report) if report else None, json))


@task(
    iterable=["service"],
    help={
        "service": "service whose image is listed (repeatable; default: all that are built)",
        "output": "folder for the documents (sbom)",
        "json": "print one JSON document on standard output",
    },
)
def sbom(_: Context, service: list[str], output: str = "sbom", json: bool = False) -> None:
    """Write what is in built images, with versions and licences, as CycloneDX documents."""
    from pathlib import Path

    from optimus_ops.images.sbom import SbomRequest, write_sboms

    write_sboms(SbomRequest(tuple(service), Path(output), json))


@change_task(
    iterable=["service", "tag"],
    help={
        "registry": "host and namespace, as ghcr.io/acme/shop; the repository below it is the service",
        "service": "service whose image is pushed (repeatable; default: all that are built)",
        "tag": "tag to push it under (repeatable; default: one that names the content)",
        "outdated": "push images as well that are not made of the sources as they are now",
    },
)
def push(
    _: Context,
    options: ChangeOptions,
    service: list[str],
    tag: list[str],
    registry: Registry = "",
    outdated: bool = False,
) -> None:
    """Push built images to a registry, and print the digests under which it knows them."""
    from optimus_ops.images.push import PushRequest, push_images

    push_images(PushRequest.of(registry, service, tag, outdated=outdated), options)
