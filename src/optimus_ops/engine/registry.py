"""What names of images stand for in their registries, asked through the engine: its proxies and mirrors are meant.

API: https://docs.docker.com/reference/api/engine/ (`GET /distribution/{name}/json`: no layer is fetched for it).
"""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, ImageNotFound

from optimus_ops.engine.observe import asked, parse_time
from optimus_ops.errors import OpsError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from optimus_ops.engine.observe import Docker

ASK_SECONDS = 15.0
TOGETHER = 8
UNKNOWN = frozenset({http.client.UNAUTHORIZED, http.client.FORBIDDEN, http.client.NOT_FOUND})
INSTEAD = "to use what is on this machine: --no-pull"


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image on this machine.

    Args:
        digests: those under which registries know it.
        tagged_at: when it was last given a name.
    """

    digests: frozenset[str]
    tagged_at: datetime | None


def local_images(docker: Docker, names: Iterable[str]) -> dict[str, LocalImage]:
    """Return name -> image, of those that are on the machine."""
    found: dict[str, LocalImage] = {}
    for name in dict.fromkeys(names):
        with asked():
            try:
                raw: Mapping[str, Any] = docker.api.inspect_image(name)
            except ImageNotFound:
                continue
        digests = frozenset(str(known).partition("@")[2] for known in raw.get("RepoDigests") or ())
        found[name] = LocalImage(digests, parse_time(str((raw.get("Metadata") or {}).get("LastTagTime", ""))))
    return found


def registry_digests(docker: Docker, names: Iterable[str], *, seconds: float = ASK_SECONDS) -> dict[str, str]:
    """Return name -> digest of the image that it stands for in its registry.

    Raises:
        Refused: a registry doesn't know an image, or not for everybody.
        OpsError: a registry doesn't answer.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    executor = ThreadPoolExecutor(max_workers=TOGETHER)
    answers = {name: executor.submit(_digest, docker, name) for name in wanted}
    _done, late = wait(answers.values(), timeout=seconds)
    executor.shutdown(wait=False, cancel_futures=True)
    silent = [name for name, answer in answers.items() if answer in late]
    if silent:
        raise OpsError(f"the registry of {', '.join(silent)} did not answer within {seconds:.0f} s", INSTEAD)
    return {name: answer.result() for name, answer in answers.items()}


def _digest(docker: Docker, name: str) -> str:
    try:
        return str(docker.api.inspect_distribution(name)["Descriptor"]["digest"])
    except APIError as error:
        said = str(error.explanation or error).strip()
        if error.status_code in UNKNOWN:
            raise Refused(
                f"the registry of {name} doesn't give it: {said}",
                f"is the name right? a private image needs: docker login; {INSTEAD}",
            ) from error
        raise OpsError(
            f"what {name} stands for now could not be asked: {said}", f"try again later; {INSTEAD}"
        ) from error
    except (DockerException, OSError, KeyError, TypeError) as error:
        raise OpsError(f"what {name} stands for now could not be asked ({error})", INSTEAD) from error
