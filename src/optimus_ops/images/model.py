"""The merged Compose model, seen from its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.errors import Refused
from optimus_ops.images.content_hash import content_hash
from optimus_ops.model.dockerfiles import Inputs, arguments_of, inputs
from optimus_ops.model.merged_model import image_of


@dataclass(frozen=True, slots=True)
class Build:
    """How the image of a service is built.

    An image follows the checkout if it is tagged `local`, has no name in the files, or has the `pull_policy` build; one
    that the operator names (`AI_ENGINE_IMAGE=…:1.4`) is whatever has that name.
    """

    service: str
    image: str
    context: Path
    dockerfile: Path | str
    """Its path, or its text where the Compose file holds it itself (`dockerfile_inline`)."""
    arguments: Mapping[str, str]
    follows_checkout: bool = True

    def inputs(self) -> Inputs:
        """Return the images and files it builds from."""
        if isinstance(self.dockerfile, str):
            return inputs(self.dockerfile, self.arguments)
        try:
            return inputs(self.dockerfile.read_text("utf-8"), self.arguments)
        except OSError as error:
            raise Refused(f"{self.service}: {self.dockerfile} can't be read: {error.strerror}") from error

    def source(self, engine: Engine) -> str:
        """Return the content hash of everything the image is made of; a base image counts by its id if it is here."""
        start = self.inputs()
        ids = engine.images(start.images)
        bases = [ids.get(image, image) for image in start.images]
        arguments = [f"{name}={value}" for name, value in sorted(self.arguments.items())]
        found = [path for pattern in start.paths for path in _matching(self.context, pattern)]
        if isinstance(self.dockerfile, str):
            return content_hash(self.context, found, [*bases, *arguments, self.dockerfile])
        return content_hash(self.context, [self.dockerfile, *found], [*bases, *arguments])


def builds(document: Mapping[str, Any]) -> tuple[Build, ...]:
    """Return the builds of a merged model; of services that share an image, the first with a build stands for all."""
    found: dict[str, Build] = {}
    for name, service in _services(document).items():
        if service.get("build"):
            build = _build(str(document.get("name", "")), name, service)
            found.setdefault(build.image, build)
    return tuple(found.values())


def services_of(document: Mapping[str, Any], image: str) -> tuple[str, ...]:
    """Return the services of a merged model that run an image."""
    project = str(document.get("name", ""))
    return tuple(name for name, s in _services(document).items() if image_of(project, name, s) == image)


def _services(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return document.get("services") or {}


def _build(project: str, name: str, service: Mapping[str, Any]) -> Build:
    raw: Mapping[str, Any] = service["build"]
    context = Path(str(raw["context"]))
    dockerfile = raw.get("dockerfile_inline") or context / str(raw.get("dockerfile") or "Dockerfile")
    image = image_of(project, name, service)
    follows = image.endswith(":local") or not service.get("image") or service.get("pull_policy") == "build"
    return Build(name, image, context, dockerfile, arguments_of(raw), follows)


def _matching(context: Path, pattern: str) -> tuple[Path, ...]:
    relative = pattern.strip("/") or "."
    return tuple(context.glob(relative)) if any(sign in relative for sign in "*?[") else (context / relative,)
