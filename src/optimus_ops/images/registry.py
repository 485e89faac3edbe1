"""Whether images can be pulled: the engine is asked, since it is the engine that pulls.

The engine's own proxies, certificates and mirrors decide, and only it knows them. `GET /distribution/{name}/json` makes
it ask the registry for the manifest without a download (https://docs.docker.com/reference/api/engine/). Where there is
no registry, a name look-up fails at once or a connection hangs; so the wait is bounded.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from docker.errors import APIError, DockerException

from optimus_ops.engine.client import engine_client
from optimus_ops.errors import MachineLacks
from optimus_ops.images.fallback_catalogue import is_stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROBE_SECONDS = 3.0
SERVER_ERROR = 500


def registry_answers(
    images: Iterable[str], probe: Callable[[str], bool] | None = None, *, seconds: float = PROBE_SECONDS + 1
) -> bool:
    """Tell whether the registries of all these images answer; that an image is unknown or private is an answer too.

    Args:
        images: names of images; of those of one registry one is asked for. A stand-in is in no registry.
        probe: tells for an image whether its registry answers; the engine is asked if not given.
        seconds: how long answers are waited for.
    """
    names = list(images)
    if any(is_stand_in(name) for name in names):
        return False
    first_of = {registry_of(name): name for name in reversed(names)}
    if not first_of:
        return True
    executor = ThreadPoolExecutor(max_workers=len(first_of))
    answers = [executor.submit(probe or ask_engine, name) for name in first_of.values()]
    done, _ = wait(answers, timeout=seconds)
    executor.shutdown(wait=False, cancel_futures=True)
    return len(done) == len(answers) and all(answer.result() for answer in answers)


def registry_of(image: str) -> str:
    """Return the host of an image's registry; Docker Hub where the name has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def ask_engine(image: str) -> bool:
    """Let the engine ask the image's registry, for at most `PROBE_SECONDS`."""
    try:
        engine_client(timeout=PROBE_SECONDS).inspect_distribution(image)
    except APIError as error:
        status = getattr(error.response, "status_code", None)
        return status is not None and status < SERVER_ERROR
    except (DockerException, OSError, MachineLacks):
        return False
    return True
