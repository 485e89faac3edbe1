"""`invoke images.smoke`: each built image, and its services by themselves on the engine."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from optimus_ops.change.lock import stack_lock
from optimus_ops.checks.model import Check
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_compose import DockerCompose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.errors import NoSuchThing
from optimus_ops.engine.pins import Pins
from optimus_ops.engine.port import Engine
from optimus_ops.images.built_images import BuiltImage, built_images
from optimus_ops.images.commands import compose_of
from optimus_ops.images.content_checks import content_checks
from optimus_ops.images.image_archive import image_configuration, layer_files, saved
from optimus_ops.images.known_secrets import secret_values
from optimus_ops.images.settings import ImageSettings
from optimus_ops.images.smoke_checks import image_checks, service_checks
from optimus_ops.images.smoke_report import SmokeResult, show
from optimus_ops.images.smoke_run import SmokeRun
from optimus_ops.images.smoke_stack import Wanted, smoke_model
from optimus_ops.project.settings import Project
from optimus_ops.system.command_line import command
from optimus_ops.text.console import Console
from optimus_ops.text.units import counted

CONTRACT_LABEL = "com.optimus.contract"
CONTRACT_BYTES = 16 * 1024**2
LONGEST_RUN_SECONDS = 600.0
"""Another run in this checkout is waited for as long as that."""


@dataclass(frozen=True)
class SmokeRequest:
    """Services whose images are tested (all that are built if empty), and the folder of the report, if any."""

    services: tuple[str, ...] = ()
    report: Path | None = None
    json: bool = False


def smoke(request: SmokeRequest) -> None:
    """Test images: what is in them, and whether their services start, answer and stop without what they depend on.

    Raises:
        OpsError: a check failed.
        Refused: a service is unknown, an image is missing, or another run in this checkout does not end.
        MissingPrerequisite: no engine answers.
    """
    engine, compose = DockerEngine.connect(), compose_of(())
    project = compose.project
    settings = ImageSettings.of(project.images)
    document = compose.document()
    images = built_images(engine, document, request.services)
    console = Console.for_stream(sys.stderr)
    alone = replace(project, name=smoke_name(project))
    waiting = partial(stack_lock, wait=LONGEST_RUN_SECONDS, on_wait=console.say)
    with waiting(project.state / "locks", alone.name, command()), tempfile.TemporaryDirectory() as folder:
        with console.step(f"checking the contents of {counted(len(images), 'image')}") as progress:
            checks = look_into(engine, images, settings, secret_values(project, os.environ), progress.show)
        nothing = Path(folder) / "nothing"
        nothing.mkdir()
        users = {name for built in images for name in built.services}
        jobs = users & compose.stack_of(document).jobs
        model = smoke_model(document, users - jobs, alone.name, project.secrets, nothing)
        file = Path(folder) / "smoke.json"
        with console.step("starting their services by themselves") as progress:
            test = ServiceTest(engine, DockerCompose(alone, (as_file(model, file),), Pins()), model, settings)
            checks += test.checks(progress.show)
    show(SmokeResult(images, tuple(checks), tuple(sorted(jobs))), request.report, json=request.json)


def smoke_name(project: Project) -> str:
    """Return the name of the project in which services are tested: one of each checkout's state folder."""
    return f"{project.name[:48]}-smoke-{sha256(str(project.state).encode()).hexdigest()[:6]}"


def as_file(model: Mapping[str, Any], path: Path) -> Path:
    """Write a Compose model where only its owner can read it."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(model), "utf-8")
    return path


def look_into(
    engine: Engine,
    images: tuple[BuiltImage, ...],
    settings: ImageSettings,
    secrets: Mapping[str, str],
    report: Callable[[str], None],
) -> list[Check]:
    """Return the checks of metadata and layers."""
    checks: list[Check] = []
    for built in images:
        report(built.name)
        checks += image_checks(built, settings, contract_files(engine, built))
        with saved(engine, built.name) as archive:
            checks += content_checks(built.name, image_configuration(archive), layer_files(archive), secrets)
    return checks


def contract_files(engine: Engine, built: BuiltImage) -> Mapping[str, bytes]:
    """Return name -> content of the files that an image's contract label names; none where the folder is missing."""
    folder = built.image.labels.get(CONTRACT_LABEL)
    if not folder:
        return {}
    try:
        packed = engine.read_image(built.image.id, folder, limit=CONTRACT_BYTES)
    except NoSuchThing:
        return {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = [member for member in archive if member.isfile()]
        contents = {PurePosixPath(member.name).name: archive.extractfile(member) for member in members}
        return {name: stream.read() for name, stream in contents.items() if stream is not None}


@dataclass(frozen=True)
class ServiceTest:
    """The test of the services of a smoke model on the engine; `compose` is that model's."""

    engine: Engine
    compose: Compose
    model: Mapping[str, Any]
    settings: ImageSettings

    def checks(self, report: Callable[[str], None]) -> list[Check]:
        """Start and stop them, and return the checks."""
        services: Mapping[str, Any] = self.model["services"]
        wanted = {name: Wanted.of(service) for name, service in services.items()}
        ports = {name: service.ports for name, service in self.compose.stack_of(self.model).services.items()}
        alive = {name: self.settings.alive for name in services if ports[name] and self.settings.alive}
        grace = {name: promised.stop_seconds for name, promised in wanted.items()}
        observed = SmokeRun(self.engine, self.compose, alive, grace, report).observe() if services else ()
        return [
            check
            for seen in sorted(observed, key=lambda seen: seen.service)
            for check in service_checks(seen, wanted[seen.service], asked=seen.service in alive)
        ]
