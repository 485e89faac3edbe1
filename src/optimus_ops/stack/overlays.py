"""Overlays that a flag adds stay until the stack is stopped: whoever scales or deploys later need not say them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.errors import Refused
from optimus_ops.project.settings import overlay_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optimus_ops.engine.compose_port import Compose
    from optimus_ops.project.settings import Project

STAYING = ("observability", "sentinel")
SWITCHED = "sentinel"
"""The overlay that changes services that run: it comes and goes with the whole stack."""


def overlays_of(project: Project, files: Iterable[str]) -> frozenset[str]:
    """Return the overlays among Compose files: `docker-compose.scale.yml` is `scale` of `docker-compose.yml`."""
    stem, _, suffix = project.base.rpartition(".")
    names = (PurePath(file).name for file in files)
    return frozenset(
        name.removeprefix(f"{stem}.").removesuffix(f".{suffix}")
        for name in names
        if name != project.base and name.startswith(f"{stem}.") and name.endswith(f".{suffix}")
    )


def with_staying(asked: Sequence[str], running: frozenset[str]) -> tuple[str, ...]:
    """Return the overlays asked for, and those that the stack runs with already."""
    return tuple(dict.fromkeys([*asked, *(name for name in STAYING if name in running)]))


def compose_of(project: Project, running_files: Iterable[str], asked: Sequence[str] = ()) -> Compose:
    """Return the project's files: base, overlays that are always on, those asked for, and those that stay.

    An overlay that runs and has no file any more stays not: its services are left over.

    Args:
        project: the project.
        running_files: the Compose files that what runs was made from.
        asked: overlays asked for.

    Raises:
        Refused: an overlay that is asked for has no file.
    """
    running = overlays_of(project, running_files)
    here = frozenset(name for name in running if (project.compose / overlay_file(project.base, name)).is_file())
    return DockerCompose(project, project.files(with_staying(asked, here)))


def check_switch(project: Project, asked: Sequence[str], files: Sequence[str]) -> None:
    """Refuse to add sentinels to a stack that runs without: its store and services would have to be other ones at once.

    Args:
        project: the project.
        asked: overlays asked for.
        files: the Compose files that what runs was made from; empty if nothing runs.
    """
    if SWITCHED in asked and files and SWITCHED not in overlays_of(project, files):
        raise Refused(
            f"{project.name} runs with a single Redis",
            "stop it first (invoke down: its data stays), then start it with --sentinel",
        )
