"""The catalogue of stand-ins: which public images can be replaced where no registry answers, and by what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SUITE = "trixie"
NEWER_SUITE = "forky"
ROOT_IMAGE = f"optimus-standin/debian:{SUITE}"


@dataclass(frozen=True, slots=True)
class FallbackImage:
    """A local image that keeps the interface of a public one.

    Args:
        folder: its folder under `compose/airgap`.
        variable: the variable by which the Compose files name the image.
        image: the stand-in's own name.
        replaces: repositories of the public images that it stands in for.
        newer: whether packages of the next Debian release are needed.
    """

    folder: str
    variable: str
    image: str
    replaces: tuple[str, ...]
    newer: bool = False


# The slowest comes first, so that it does not run alone at the end.
STAND_INS = (
    FallbackImage(
        "postgres", "POSTGRES_IMAGE", "optimus-standin/postgres:17", ("pgvector/pgvector", "library/postgres")
    ),
    FallbackImage("python", "PYTHON_IMAGE", "optimus-standin/python:3.13", ("library/python",)),
    FallbackImage("nginx", "NGINX_IMAGE", "optimus-standin/nginx:1.30", ("library/nginx",), newer=True),
    FallbackImage("redis", "REDIS_IMAGE", "optimus-standin/redis:8", ("library/redis",)),
)


def repository(image: str) -> str:
    """Return the repository of an image on Docker Hub; of another registry, its address stays in front.

    `redis:8.0-alpine` and `docker.io/library/redis@sha256:…` both give `library/redis`.
    """
    name = image.partition("@")[0]
    name = re.sub(r":[^:/]+$", "", name)
    name = re.sub(r"^(docker\.io|index\.docker\.io|registry-1\.docker\.io)/", "", name)
    return name if "/" in name else f"library/{name}"


def is_stand_in(image: str) -> bool:
    """Tell whether a name is that of a stand-in itself."""
    return any(image == stand_in.image for stand_in in STAND_INS)


def stand_in_for(image: str) -> FallbackImage | None:
    """Return the stand-in for an image (public name or the stand-in's own); None if there is none."""
    return next((s for s in STAND_INS if image == s.image or repository(image) in s.replaces), None)


def split(images: Iterable[str]) -> tuple[tuple[FallbackImage, ...], tuple[str, ...]]:
    """Return the stand-ins for the images, in the order of the catalogue, and the images that have none."""
    names = tuple(dict.fromkeys(images))
    found = {stand_in for name in names if (stand_in := stand_in_for(name)) is not None}
    return tuple(s for s in STAND_INS if s in found), tuple(name for name in names if stand_in_for(name) is None)
