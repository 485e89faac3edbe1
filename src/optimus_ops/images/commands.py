"""The images tasks: what they look at, do and print."""

from __future__ import annotations

import json as json_module
import os
from typing import TYPE_CHECKING

from optimus_ops.console import Console
from optimus_ops.engine.compose import Compose
from optimus_ops.images.bases import ensure_bases
from optimus_ops.images.building import build
from optimus_ops.images.listing import as_json, as_text, list_images
from optimus_ops.images.local import image_id
from optimus_ops.images.model import public_images
from optimus_ops.images.registry import registry_answers
from optimus_ops.images.standins import STAND_INS, is_stand_in
from optimus_ops.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optimus_ops.console import Progress


def build_images(services: Sequence[str], overlays: Sequence[str]) -> None:
    """Build the images of services; where no registry answers, the stand-ins that they start from come first."""
    console = Console.standard()
    compose = _compose(overlays)
    made = _provide_bases(console, compose, services or None)
    with console.step("build images") as progress:
        built = build(compose.project.root, services, compose.files, {**compose.environ, **made}, _noting(progress))
        progress.note = ", ".join(built)


def make_bases(overlays: Sequence[str], *, refresh: bool, force: bool) -> None:
    """Make stand-ins for the public images of the stack that can't be had."""
    console = Console.standard()
    compose = _compose(overlays)
    if not (refresh or force):
        _provide_bases(console, compose, None, say_all=True)
        return
    with console.step("make stand-in images") as progress:
        stand_ins = [stand_in.image for stand_in in STAND_INS]
        ensure_bases(compose.project.root, stand_ins, _noting(progress), refresh=refresh)


def print_images(overlays: Sequence[str], *, json: bool) -> None:
    """Print the images of the stack."""
    rows = list_images(_compose(overlays).document())
    print(json_module.dumps(as_json(rows), indent=2) if json else as_text(rows))


def _provide_bases(
    console: Console, compose: Compose, services: Sequence[str] | None, *, say_all: bool = False
) -> Mapping[str, str]:
    """Make the stand-ins that are needed, and return the variables that name them."""
    needed = public_images(compose.document(), services)
    wanted = [name for name in needed if is_stand_in(name)]
    missing = [name for name in needed if name not in wanted and image_id(name) is None]
    if missing and not _answering(console, missing):
        wanted += missing
    if not wanted:
        if say_all:
            console.say("nothing to do: the public images are here, or their registry answers")
        return {}
    with console.step("stand-ins for public images, since no registry answers") as progress:
        return ensure_bases(compose.project.root, wanted, _noting(progress))


def _answering(console: Console, images: Sequence[str]) -> bool:
    with console.step("ask the registry") as progress:
        answers = registry_answers(images)
        progress.note = "answers" if answers else "no answer"
    return answers


def _compose(overlays: Sequence[str]) -> Compose:
    project = load_project(environ=os.environ)
    return Compose(project, project.files(tuple(overlays)))


def _noting(progress: Progress) -> Callable[[str], None]:
    def note(text: str) -> None:
        progress.note = text

    return note
