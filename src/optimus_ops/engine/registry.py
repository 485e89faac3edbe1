"""Digests that names of images stand for in their registries, asked through the engine: its proxies and mirrors count.

API: https://docs.docker.com/reference/api/engine/ (`GET /distribution/{name}/json`: no layer is fetched for it).
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from functools import partial

from optimus_ops.engine.errors import RegistryFailed
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.system.wait import done_within

ANSWER_SECONDS = 15.0
PARALLEL_REQUESTS = 8
UNKNOWN = frozenset({http.client.UNAUTHORIZED, http.client.FORBIDDEN, http.client.NOT_FOUND})
INSTEAD = "to use what is on this machine: --no-pull"


def registry_digests(engine: Engine, names: Iterable[str], *, seconds: float = ANSWER_SECONDS) -> dict[str, str]:
    """Return name -> digest of the image that it stands for in its registry; refuse what a registry doesn't give."""
    wanted = list(dict.fromkeys(names))
    answers = done_within(seconds, partial(_digest, engine), wanted, calls=PARALLEL_REQUESTS)
    if missing := [name for name in wanted if name not in answers]:
        raise OpsError(f"the registry of {', '.join(missing)} did not answer within {seconds:.0f} s", INSTEAD)
    return {name: answer.result() for name, answer in answers.items()}


def _digest(engine: Engine, name: str) -> str:
    try:
        return engine.registry_digest(name)
    except RegistryFailed as error:
        if error.status in UNKNOWN:
            raise Refused(
                f"the registry of {name} doesn't give it: {error.reason}",
                f"is the name right? a private image needs: docker login; {INSTEAD}",
            ) from error
        raise OpsError(
            f"what {name} stands for now could not be asked: {error.reason}", f"try again later; {INSTEAD}"
        ) from error
