"""The images tasks: what they look at, do and print."""

from __future__ import annotations

import json as json_module
import os
import sys
from typing import TYPE_CHECKING

from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.images.building import build, choose
from optimus_ops.images.fallback_catalogue import STAND_INS, is_stand_in
from optimus_ops.images.fallback_images import ensure_bases
from optimus_ops.images.listing import as_json, as_text, list_images
from optimus_ops.images.registry import registry_answers
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.render import plan_text
from optimus_ops.plan.step import Plan
from optimus_ops.plan.steps import Build, MakeBases
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console, layout_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optimus_ops.engine.compose_port import Compose
    from optimus_ops.engine.port import Engine
    from optimus_ops.plan.step import Step
    from optimus_ops.text.console import Progress


def build_images(services: Sequence[str], overlays: Sequence[str], *, plan: bool = False) -> None:
    """Build the images of services; where no registry answers, the stand-ins that they start from come first.

    Args:
        services: the services; all that are built if empty.
        overlays: overlays besides those that are always on.
        plan: whether it is only said what would be done.
    """
    console, engine = Console.standard(), DockerEngine.connect()
    compose = _compose(overlays)
    bases = _needed_bases(console, engine, compose, services or None)
    if plan:
        names = tuple(one.service for one in choose(compose.document(), services))
        build_step = Build(services=names, cause=Cause("asked for; layers that did not change come from the cache"))
        _show(console, compose, "images.build", (*_as_steps(bases), build_step))
        return
    made = _provide_bases(console, engine, compose, bases)
    with console.step("build images") as progress:
        built = build(compose.with_variables(made), engine, services, _noting(progress))
        progress.note = ", ".join(built)


def make_bases(overlays: Sequence[str], *, refresh: bool, force: bool, plan: bool = False) -> None:
    """Make stand-ins for the public images of the stack that can't be had.

    Args:
        overlays: overlays besides those that are always on.
        refresh: whether they are made anew, with the packages of today.
        force: whether they are made even where a registry answers.
        plan: whether it is only said what would be done.
    """
    console, engine = Console.standard(), DockerEngine.connect()
    compose = _compose(overlays)
    everything = refresh or force
    bases = [stand_in.image for stand_in in STAND_INS] if everything else _needed_bases(console, engine, compose, None)
    if plan:
        _show(console, compose, "images.bases", _as_steps(bases))
    elif not bases:
        console.say("nothing to do: the public images are here, or their registry answers")
    elif everything:
        with console.step("make stand-in images") as progress:
            ensure_bases(engine, compose.project, bases, _noting(progress), refresh=refresh)
    else:
        _provide_bases(console, engine, compose, bases)


def _as_steps(bases: Sequence[str]) -> tuple[Step, ...]:
    cause = "they are named, or no registry answers"
    return (MakeBases(images=tuple(bases), cause=Cause(cause)),) if bases else ()


def _show(console: Console, compose: Compose, purpose: str, steps: tuple[Step, ...]) -> None:
    console.say(plan_text(Plan(compose.project.name, purpose, steps)))


def print_images(overlays: Sequence[str], *, json: bool) -> None:
    """Print the images of the stack."""
    compose = _compose(overlays)
    document = compose.document()
    rows = list_images(DockerEngine.connect(), document, compose.stack_of(document).public_images)
    print(json_module.dumps(as_json(rows), indent=2) if json else as_text(rows, layout_columns(sys.stdout)))


def _needed_bases(console: Console, engine: Engine, compose: Compose, services: Sequence[str] | None) -> list[str]:
    """Return the public images that need a stand-in, or that are one already."""
    stack = compose.stack()
    needed = stack.public_images if services is None else stack.public_images_of(services)
    wanted = [name for name in needed if is_stand_in(name)]
    here = engine.images(needed)
    missing = [name for name in needed if name not in wanted and name not in here]
    if missing and not _answering(console, engine, missing):
        wanted += missing
    return wanted


def _provide_bases(console: Console, engine: Engine, compose: Compose, bases: Sequence[str]) -> Mapping[str, str]:
    """Make the stand-ins that are needed, and return the variables that name them."""
    if not bases:
        return {}
    with console.step("stand-ins for public images, since no registry answers") as progress:
        return ensure_bases(engine, compose.project, bases, _noting(progress))


def _answering(console: Console, engine: Engine, images: Sequence[str]) -> bool:
    with console.step("ask the registry") as progress:
        answers = registry_answers(engine, images)
        progress.note = "answers" if answers else "no answer"
    return answers


def _compose(overlays: Sequence[str]) -> Compose:
    project = load_project(environ=os.environ)
    return DockerCompose(project, project.files(tuple(overlays)))


def _noting(progress: Progress) -> Callable[[str], None]:
    def note(text: str) -> None:
        progress.note = text

    return note
