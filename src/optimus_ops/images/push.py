"""`invoke images.push`: push built images to a registry, and tell the digests under which it knows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.commandline.flag_types import TAG
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.images.built_images import BuiltImage, built_images
from optimus_ops.images.commands import compose_of
from optimus_ops.images.registry import registry_of
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.reports.step_outputs import write_outputs
from optimus_ops.system.process import CommandFailed
from optimus_ops.text.console import Progress

PUSH_SECONDS = 1800.0
TAG_DIGITS = 12
ASKED = Cause("asked for; layers that the registry has are not sent again")


@dataclass(frozen=True)
class PushRequest:
    """What is pushed where.

    Args:
        registry: host and namespace, as `ghcr.io/acme/shop`; the repository below it is the service.
        services: those whose images are pushed; all that are built if empty.
        tags: of each; one that names the content (`source-` and the start of its hash) if empty.
        outdated: whether images are pushed as well that are not made of the sources as they are now.
    """

    registry: str
    services: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    outdated: bool = False

    @classmethod
    def of(cls, registry: str, services: Iterable[str], tags: Iterable[str], *, outdated: bool) -> PushRequest:
        """Return the request of flags; raise `Refused` for a tag that is none."""
        given = tuple(dict.fromkeys(tags))
        for tag in given:
            if not re.fullmatch(TAG, tag):
                raise Refused(f"--tag {tag}: not a tag", "letters, digits, '_', '.' and '-', 128 of them at most")
        return cls(registry, tuple(services), given, outdated)


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry: `name` is its repository there, `digest` that of its manifest."""

    service: str
    name: str
    digest: str
    tags: tuple[str, ...]


@step("push", "push {image} as {names}")
class Push(Step):
    """Push an image under names of a registry."""

    service: str
    image: str
    names: tuple[str, ...]


def push_images(request: PushRequest, options: ChangeOptions) -> None:
    """Push images and tell their digests; in a workflow they become outputs of the step.

    Raises:
        Refused: a service is unknown, or an image is missing or not made of the sources as they are now.
        OpsError: the registry doesn't take an image; those before it stay there.
        MissingPrerequisite: no engine answers.
    """
    engine, compose = DockerEngine.connect(), compose_of(())
    with ChangeRun(compose.project.state, compose.project.name, options) as run:
        with run.observing("images"):
            images = built_images(engine, compose.document(), request.services)
        executor = PushExecutor(engine)
        run.execute(Plan(compose.project.name, "images.push", plan_push(request, images)), executor)
        write_outputs(outputs_of(executor.pushed))
        for pushed in executor.pushed:
            run.console.say(f"{pushed.service}: {pushed.name}@{pushed.digest}")
        run.finish([asdict(pushed) for pushed in executor.pushed])


def plan_push(request: PushRequest, images: Sequence[BuiltImage]) -> tuple[Step, ...]:
    """Return the steps; refuse images that are not made of the sources as they are now, unless they are asked for."""
    if outdated := [built for built in images if not built.current and not request.outdated]:
        names = ", ".join(built.service for built in outdated)
        raise Refused(
            f"not made of the sources as they are now: the images of {names}",
            f"invoke images.build {names.replace(',', '')}; to push them as they are: --outdated",
        )
    return tuple(
        Push(
            service=built.service,
            image=built.name,
            names=tuple(f"{request.registry}/{built.service}:{tag}" for tag in request.tags or (content_tag(built),)),
            cause=ASKED,
        )
        for built in images
    )


def content_tag(built: BuiltImage) -> str:
    """Return the tag that names what an image is made of."""
    return (
        f"source-{built.source[:TAG_DIGITS]}"
        if built.current
        else f"image-{built.image.id.partition(':')[2][:TAG_DIGITS]}"
    )


def outputs_of(pushed: Sequence[Pushed]) -> Mapping[str, str]:
    """Return the outputs of a workflow's step: `images` as JSON; of one image `name` and `digest` as well."""
    found = {"images": json.dumps([asdict(image) for image in pushed])}
    return {**found, "name": pushed[0].name, "digest": pushed[0].digest} if len(pushed) == 1 else found


@dataclass
class PushExecutor(StepExecutor):
    """Pushes images; the names that this takes on the engine are gone afterwards."""

    engine: Engine
    pushed: list[Pushed] = field(default_factory=list)

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {Push: self._push}

    def _push(self, step: Push, progress: Progress) -> None:
        digests = set()
        for name in step.names:
            with self._named(step.image, name), self._explained(name):
                progress.show(name)
                digests.add(self.engine.push_image(name, seconds=PUSH_SECONDS, on_line=progress.show))
        if len(digests) != 1:
            raise OpsError(f"{step.image} has several digests in the registry: {', '.join(sorted(digests))}")
        (digest,) = digests
        repository = step.names[0].rpartition(":")[0]
        self.pushed.append(
            Pushed(step.service, repository, digest, tuple(name.rpartition(":")[2] for name in step.names))
        )
        progress.note = digest

    @contextmanager
    def _named(self, image: str, name: str) -> Iterator[None]:
        """Give an image a name for a while, unless it has it already."""
        before, wanted = self.engine.image(name), self.engine.image(image)
        if before is not None and wanted is not None and before.id == wanted.id:
            yield
            return
        self.engine.tag(image, name)
        try:
            yield
        finally:
            if before is None:
                self.engine.untag(name)
            else:
                self.engine.tag(before.id, name)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except CommandFailed as error:
            reason = next(iter(error.completed.stderr.strip().splitlines()[-1:]), "docker push said nothing")
            there = ", ".join(f"{pushed.name}@{pushed.digest}" for pushed in self.pushed)
            stays = f"; in the registry by now: {there}" if there else ""
            hint = f"may you write there? docker login {registry_of(name)}"
            raise OpsError(f"{name} could not be pushed: {reason}{stays}", hint) from error
