"""Two versions of ai-engine to change between, and images that stay as they are while others build: tags of our own."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from docker.errors import APIError, ImageNotFound

from benchmarks.platform_under_test import Engine, platform

SERVICES = ("ai-engine", "memory-engine", "backend-orchestrator")
OLD = "old"
NEW = "new"


@dataclass(frozen=True)
class Versions:
    """The images of one run: names and ids of ai-engine's by version, and variables for all services' old versions."""

    ai_engine: Mapping[str, str]
    ids: Mapping[str, str]
    environ: Mapping[str, str]


@contextmanager
def two_versions(engine: Engine, *, build: bool) -> Iterator[Versions]:
    """Give two versions of ai-engine that differ in a label, in repositories of our own, which are removed afterwards.

    With `build` the images are made of the checkout's sources first; else those that exist are taken.
    """
    if build or not all(exists(engine, local(service)) for service in SERVICES):
        with platform(engine) as stack:
            stack.invoke("images.build", deadline=900)
    group = f"optimus-benchmark-{secrets.token_hex(4)}"
    ai_engine = {version: f"{group}/ai-engine:{version}" for version in (OLD, NEW)}
    try:
        for service in SERVICES:
            engine.api.tag(local(service), f"{group}/{service}", OLD)
        for version, name in ai_engine.items():
            label(engine, local("ai-engine"), name, version)
        ids = {version: str(engine.api.inspect_image(name)["Id"]) for version, name in ai_engine.items()}
        variables = {variable(service): f"{group}/{service}:{OLD}" for service in SERVICES}
        yield Versions(ai_engine, ids, variables)
    finally:
        remove_images(engine, group)


def remove_images(engine: Engine, group: str) -> None:
    """Remove every tag of our repositories, those too that a deploy made to keep an image."""
    for service in SERVICES:
        for image in engine.api.images(name=f"{group}/{service}"):
            for name in image["RepoTags"] or ():
                with suppress(APIError):
                    engine.api.remove_image(name, force=True)


def variable(service: str) -> str:
    """Return the variable that names a service's image."""
    return f"{service.upper().replace('-', '_')}_IMAGE"


def local(service: str) -> str:
    """Return the name that a service's image has when it is built here."""
    return os.environ.get(variable(service), f"optimus/{service}:local")


def exists(engine: Engine, image: str) -> bool:
    """Tell whether an image is on the machine."""
    try:
        engine.api.inspect_image(image)
    except ImageNotFound:
        return False
    return True


def label(engine: Engine, base: str, name: str, version: str) -> None:
    """Make an image that is another one only by a label."""
    recipe = f"FROM {base}\nLABEL com.optimus.benchmark={version}\n"
    for line in engine.api.build(fileobj=io.BytesIO(recipe.encode()), tag=name, rm=True, decode=True):
        if "error" in line:
            raise RuntimeError(f"{name} could not be made: {line['error']}")
