"""The images that a project builds, as they are on the engine: what is smoke-tested, listed in an SBOM, and pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimus_ops.engine.port import Engine
from optimus_ops.engine.values import Image
from optimus_ops.errors import Refused
from optimus_ops.images.building import choose
from optimus_ops.images.content_hash import LABEL
from optimus_ops.images.model import services_of


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image.

    Args:
        service: the service whose build makes it.
        services: all that run it.
        source: the content hash of the checkout's sources as they are now.
    """

    service: str
    services: tuple[str, ...]
    name: str
    image: Image
    source: str

    @property
    def current(self) -> bool:
        """Whether it is made of the sources as they are now."""
        return self.image.labels.get(LABEL) == self.source


def built_images(engine: Engine, document: Mapping[str, Any], services: Sequence[str]) -> tuple[BuiltImage, ...]:
    """Return the images of services (of all that are built if empty), each once.

    Raises:
        Refused: a service is unknown or not built here, or its image is missing.
    """
    found = []
    for build in choose(document, services):
        image = engine.image(build.image)
        if image is None:
            raise Refused(f"{build.service}: there is no image {build.image}", f"invoke images.build {build.service}")
        users = services_of(document, build.image)
        found.append(BuiltImage(build.service, users, build.image, image, build.source(engine)))
    return tuple(found)
