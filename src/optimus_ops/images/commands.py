"""What the images tasks do: `images.build`, `images.bases`, `images.list`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.images.building import build, choose
from optimus_ops.images.fallback_catalogue import FALLBACK_IMAGES, is_fallback, split
from optimus_ops.images.fallback_images import ensure_fallbacks
from optimus_ops.images.listing import as_json, as_text, list_images
from optimus_ops.images.registry import registry_answers
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Build, MakeFallbacks
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Progress, print_json
from optimus_ops.text.layout import layout_columns

FALLBACK = Cause("they are named, or no registry answers")
BUILD = Cause("asked for; layers that did not change come from the cache")


@dataclass(frozen=True)
class BuildRequest:
    """Services whose images are built (all that are built if empty), and overlays beside those that are always on."""

    services: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()


@dataclass(frozen=True)
class FallbackRequest:
    """What fallback images are made: anew where `refresh`, even where a registry answers where `force`."""

    overlays: tuple[str, ...] = ()
    refresh: bool = False
    force: bool = False


def build_images(request: BuildRequest, options: ChangeOptions) -> None:
    """Build the images of services, after the fallback images that they start from where no registry answers."""
    engine, compose = DockerEngine.connect(), compose_of(request.overlays)
    with ChangeRun(compose.project.state, compose.project.name, options) as run:
        with run.observing("images and their registry"):
            names = tuple(chosen.service for chosen in choose(compose.document(), request.services))
            needed = needed_fallbacks(engine, compose, request.services)
        executor = ImagesExecutor(engine, compose)
        steps: tuple[Step, ...] = (*fallback_steps(needed), Build(services=names, cause=BUILD))
        run.execute(Plan(compose.project.name, "images.build", steps), executor)
        run.finish(images=executor.built)


def make_fallbacks(request: FallbackRequest, options: ChangeOptions) -> None:
    """Make fallback images for the public images of the stack that can't be had."""
    engine, compose = DockerEngine.connect(), compose_of(request.overlays)
    with ChangeRun(compose.project.state, compose.project.name, options) as run:
        with run.observing("images and their registry"):
            every = request.refresh or request.force
            needed = every_fallback(compose) if every else needed_fallbacks(engine, compose)
        executor = ImagesExecutor(engine, compose, refresh=request.refresh)
        run.execute(Plan(compose.project.name, "images.bases", fallback_steps(needed)), executor)
        run.finish(images=needed)


def print_images(overlays: Sequence[str], *, json: bool) -> None:
    """Print the images of the stack."""
    compose = compose_of(overlays)
    document = compose.document()
    rows = list_images(DockerEngine.connect(), document, compose.stack_of(document).public_images)
    if json:
        print_json(as_json(rows))
    else:
        print(as_text(rows, layout_columns(sys.stdout)))


def fallback_steps(images: Sequence[str]) -> tuple[Step, ...]:
    """Return the step that makes fallback images, if any is needed."""
    return (MakeFallbacks(images=tuple(images), cause=FALLBACK),) if images else ()


def every_fallback(compose: Compose) -> list[str]:
    """Return the fallbacks that every stack needs, and those for the images of the chosen overlays."""
    named, _ = split(compose.stack().public_images)
    return [fallback.image for fallback in FALLBACK_IMAGES if fallback.everywhere or fallback in named]


def needed_fallbacks(engine: Engine, compose: Compose, services: Sequence[str] = ()) -> list[str]:
    """Return the public images that are fallback images already, or that no registry gives."""
    stack = compose.stack()
    needed = stack.public_images_of(services) if services else stack.public_images
    named = [name for name in needed if is_fallback(name)]
    here = engine.images(needed)
    missing = [name for name in needed if name not in named and name not in here]
    return named if not missing or registry_answers(engine, missing) else [*named, *missing]


@dataclass
class ImagesExecutor(StepExecutor):
    """Makes fallback images and builds those of services."""

    engine: Engine
    compose: Compose
    refresh: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    built: tuple[str, ...] = ()

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {MakeFallbacks: self._make_fallbacks, Build: self._build}

    def _make_fallbacks(self, step: MakeFallbacks, progress: Progress) -> None:
        project = self.compose.project
        self.variables = ensure_fallbacks(self.engine, project, step.images, progress.show, refresh=self.refresh)

    def _build(self, step: Build, progress: Progress) -> None:
        compose = self.compose.with_variables(self.variables)
        self.built = build(compose, self.engine, step.services, progress.show)
        progress.note = ", ".join(self.built)


def compose_of(overlays: Sequence[str]) -> Compose:
    """Return the project of this process with overlays besides those that are always on."""
    project = load_project(environ=os.environ)
    return DockerCompose(project, project.files(tuple(overlays)))
