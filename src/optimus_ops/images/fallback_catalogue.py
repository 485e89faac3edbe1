"""The catalogue of fallback images: which public images can be replaced where no registry answers, and by what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SUITE = "trixie"
NEWER_SUITE = "forky"
ROOT_IMAGE = f"optimus-standin/debian:{SUITE}"


@dataclass(frozen=True, slots=True)
class FallbackImage:
    """A local image that keeps the interface of a public one.

    Args:
        folder: its folder under `compose/airgap`.
        variables: by which the Compose files name the images that it replaces.
        image: its own name.
        replaces: repositories of the public images that it can replace.
        newer: whether packages of the next Debian release are needed.
        everywhere: whether every stack needs it; others are made only for an overlay that names their images.
        also: further variables of the Compose files, where it is used: name, value.
    """

    folder: str
    variables: tuple[str, ...]
    image: str
    replaces: tuple[str, ...]
    newer: bool = False
    everywhere: bool = True
    also: tuple[tuple[str, str], ...] = ()


# The slowest comes first, so that it does not run alone at the end.
FALLBACK_IMAGES = (
    FallbackImage(
        "qryn",
        ("TEMPO_IMAGE", "LOKI_IMAGE"),
        "optimus-standin/qryn:3.2",
        ("grafana/tempo", "grafana/loki"),
        everywhere=False,
        # Plain Compose pulls images of services without containers as well, unless they are here.
        also=(("GRAFANA_REPLICAS", "0"), ("GRAFANA_IMAGE", ROOT_IMAGE)),
    ),
    FallbackImage(
        "alloy", ("ALLOY_IMAGE",), "optimus-standin/alloy:1", ("grafana/alloy",), newer=True, everywhere=False
    ),
    FallbackImage(
        "prometheus",
        ("PROMETHEUS_IMAGE",),
        "optimus-standin/prometheus:3.5",
        ("prom/prometheus",),
        newer=True,
        everywhere=False,
    ),
    FallbackImage(
        "docker-cli", ("DOCKER_CLI_IMAGE",), "optimus-standin/docker-cli:26", ("library/docker",), everywhere=False
    ),
    FallbackImage("haproxy", ("HAPROXY_IMAGE",), "optimus-standin/haproxy:3.0", ("library/haproxy",), everywhere=False),
    FallbackImage(
        "postgres", ("POSTGRES_IMAGE",), "optimus-standin/postgres:17", ("pgvector/pgvector", "library/postgres")
    ),
    FallbackImage("python", ("PYTHON_IMAGE",), "optimus-standin/python:3.13", ("library/python",)),
    FallbackImage("nginx", ("NGINX_IMAGE",), "optimus-standin/nginx:1.30", ("library/nginx",), newer=True),
    FallbackImage("redis", ("REDIS_IMAGE",), "optimus-standin/redis:8", ("library/redis",)),
)


LEFT_OUT = ("grafana/grafana",)
"""Repositories of images without a fallback that a stack does without."""


def repository(image: str) -> str:
    """Return the repository of an image on Docker Hub; of another registry, its address stays in front.

    `redis:8.0-alpine` and `docker.io/library/redis@sha256:…` both give `library/redis`.
    """
    name = image.partition("@")[0]
    name = re.sub(r":[^:/]+$", "", name)
    name = re.sub(r"^(docker\.io|index\.docker\.io|registry-1\.docker\.io)/", "", name)
    return name if "/" in name else f"library/{name}"


def is_fallback(image: str) -> bool:
    """Tell whether a name is that of a fallback image itself."""
    return any(image == fallback.image for fallback in FALLBACK_IMAGES)


def fallback_for(image: str) -> FallbackImage | None:
    """Return the fallback for an image (by its public name or the fallback's own); None if there is none."""
    return next((f for f in FALLBACK_IMAGES if image == f.image or repository(image) in f.replaces), None)


def split(images: Iterable[str]) -> tuple[tuple[FallbackImage, ...], tuple[str, ...]]:
    """Return the fallbacks for images, in the order of the catalogue, and the images that have none."""
    found = {name: fallback_for(name) for name in images}
    wanted = set(found.values())
    return tuple(f for f in FALLBACK_IMAGES if f in wanted), tuple(name for name in found if found[name] is None)
