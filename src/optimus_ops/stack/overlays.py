"""Overlays that a flag adds stay until the stack is stopped: whoever scales or deploys later need not say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.errors import Refused
from optimus_ops.project.settings import Project


def overlays_of(project: Project, files: Iterable[str]) -> frozenset[str]:
    """Return the overlays among Compose files: `docker-compose.scale.yml` is `scale` of `docker-compose.yml`."""
    stem, _, suffix = project.base.rpartition(".")
    names = (PurePath(file).name for file in files)
    return frozenset(
        name.removeprefix(f"{stem}.").removesuffix(f".{suffix}")
        for name in names
        if name != project.base and name.startswith(f"{stem}.") and name.endswith(f".{suffix}")
    )


def with_staying(project: Project, asked: Sequence[str], running: frozenset[str]) -> tuple[str, ...]:
    """Return the overlays asked for, and those that a flag added and the stack runs with already."""
    return tuple(dict.fromkeys([*asked, *(name for name in project.optional_overlays if name in running)]))


def compose_of(project: Project, running_files: Iterable[str], asked: Sequence[str] = ()) -> Compose:
    """Return the project's files: base, overlays that are always on, those asked for, and those that stay.

    `running_files` are those that what runs was made from. An overlay that runs and has no file any more stays not: its
    services are left over.
    """
    running = overlays_of(project, running_files)
    return DockerCompose(project, project.files(with_staying(project, asked, running)))


def check_switch(project: Project, asked: Sequence[str], files: Sequence[str]) -> None:
    """Refuse to add an overlay that changes services which run: they would have to be other ones all at once.

    `files` are those that what runs was made from; none if nothing runs.
    """
    running = overlays_of(project, files)
    for name in project.whole_stack_overlays:
        if name in asked and files and name not in running:
            raise Refused(
                f"{project.name} runs without the overlay {name}, which changes services that run",
                f"stop it first (invoke down: its data stays), then start it with --{name}",
            )
