"""Whether images can be pulled: the engine is asked, since it is the engine that pulls.

The engine's own proxies, certificates and mirrors decide, and only it knows them. `GET /distribution/{name}/json` makes
it ask the registry for the manifest without a download (https://docs.docker.com/reference/api/engine/). Where there is
no registry, a name look-up fails at once or a connection hangs; so the wait is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from optimus_ops.engine.errors import RegistryFailed
from optimus_ops.engine.port import Engine
from optimus_ops.images.fallback_catalogue import is_fallback
from optimus_ops.system.wait import done_within

PROBE_SECONDS = 3.0
SERVER_ERROR = 500


def registry_answers(engine: Engine, images: Iterable[str], *, seconds: float = PROBE_SECONDS + 1) -> bool:
    """Tell whether the registries of all these images answer; that an image is unknown or private is an answer too.

    Of one registry's images one is asked for; a fallback image is in none.
    """
    names = list(images)
    if any(is_fallback(name) for name in names):
        return False
    if not names:
        return True
    first_of = {registry_of(name): name for name in reversed(names)}
    done = done_within(seconds, partial(_answers, engine.within(PROBE_SECONDS)), first_of.values())
    return len(done) == len(first_of) and all(answer.result() for answer in done.values())


def registry_of(image: str) -> str:
    """Return the host of an image's registry; Docker Hub where the name has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def _answers(engine: Engine, image: str) -> bool:
    try:
        engine.registry_digest(image)
    except RegistryFailed as error:
        return error.status is not None and error.status < SERVER_ERROR
    return True
