"""Names of a stack's services, needed at every start: the flags of `invoke scale` are made from them.

They come from the merged model. Asking Compose for it takes longer than a start may, so they are cached beside a digest
of all that the model was made of; the cache holds nothing that could be a secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optimus_ops.errors import OpsError
from optimus_ops.project.settings import Project

# A new number wherever they are computed in another way.
FORM = 1
SETTINGS = ("COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES")


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """The services of a stack, all and scalable ones, and the overlays that tasks have a flag for.

    Where the files don't parse, or Compose is missing, they may be incomplete: `problem` says why.
    """

    every: tuple[str, ...] = ()
    scalable: tuple[str, ...] = ()
    problem: OpsError | None = None
    overlays: tuple[str, ...] = ()


def merged_names(project: Project) -> ServiceNames:
    """Return the names in a project's merged model; raise OpsError where Compose can't read it."""
    # First, since a project without a Compose file would load the engine at each start, to no purpose.
    files = project.files()
    from optimus_ops.engine.docker_compose import DockerCompose  # noqa: PLC0415 - only where the cache is stale
    from optimus_ops.engine.pins import Pins  # noqa: PLC0415

    stack = DockerCompose(project, files, Pins()).stack()
    return ServiceNames(tuple(stack.services), stack.scalable)


def service_names(
    project: Project,
    environ: Mapping[str, str] | None = None,
    merged: Callable[[Project], ServiceNames] = merged_names,
) -> ServiceNames:
    """Return the names of a project's services: from the cache, the merged model, or else the files one by one."""
    return replace(_service_names(project, environ, merged), overlays=project.optional_overlays)


def _service_names(
    project: Project, environ: Mapping[str, str] | None, merged: Callable[[Project], ServiceNames]
) -> ServiceNames:
    environ = {**project.variables, **(os.environ if environ is None else environ)}
    files = project.always
    cache = project.state / "model" / f"{zlib.crc32(os.fsencode(':'.join(map(str, files)))):08x}.json"
    cached = _read(cache)
    if cached and cached.get("digest") == digest(cached["inputs"], cached["variables"], environ):
        return ServiceNames(tuple(cached["services"]), tuple(cached["scalable"]))
    try:
        found = merged(project)
    except OpsError as problem:
        return _unmerged(files, project.balancer, cached, problem)
    _write(cache, found, project, environ)
    return found


def digest(inputs: Iterable[str], variables: Iterable[str], environ: Mapping[str, str]) -> str:
    """Return checksums of the contents of files (`inputs`, which may be missing) and the values of variables."""
    # Checksums and no hash: nobody gains by a collision, and loading OpenSSL takes 4% of a start.
    made = [FORM]
    for name in inputs:
        content = _content(Path(name))
        made.extend(_checksums(name.encode("utf-8", "surrogateescape")))
        made.extend((-1,) if content is None else _checksums(content))
    for name in (*variables, *SETTINGS):
        made.extend(_checksums(repr((name, environ.get(name))).encode("utf-8", "surrogateescape")))
    return "-".join(f"{number:x}" for number in made)


def _checksums(content: bytes) -> tuple[int, int, int]:
    return len(content), zlib.crc32(content), zlib.adler32(content)


def _content(path: Path) -> bytes | None:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return None


def _read(cache: Path) -> dict[str, Any]:
    try:
        cached = json.loads(cache.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    names = ("inputs", "variables", "services", "scalable")
    whole = isinstance(cached, dict) and all(isinstance(cached.get(name), list) for name in names)
    return cached if whole else {}


def _write(cache: Path, found: ServiceNames, project: Project, environ: Mapping[str, str]) -> None:
    from optimus_ops.project.compose_files import env_files  # noqa: PLC0415
    from optimus_ops.project.model_files import inputs_of, variables_in  # noqa: PLC0415
    from optimus_ops.system.atomic_write import atomic_write  # noqa: PLC0415

    variables_in_files = env_files(project.root, project.compose, environ)
    inputs = [str(path) for path in inputs_of(project.always, environ, variables_in_files)]
    variables = variables_in([_content(Path(name)) or b"" for name in inputs])
    record = {
        "digest": digest(inputs, variables, environ),
        "inputs": inputs,
        "variables": variables,
        "services": found.every,
        "scalable": found.scalable,
    }
    # In a checkout that can't be written, Compose is asked at each start.
    with contextlib.suppress(OSError):
        atomic_write(cache, json.dumps(record))


def _unmerged(files: tuple[Path, ...], balancer: str, cached: Mapping[str, Any], problem: OpsError) -> ServiceNames:
    """Return what was known before the files broke, and what they say without being merged."""
    from optimus_ops.model.scalable import scalable_services  # noqa: PLC0415
    from optimus_ops.project.model_files import read_compose  # noqa: PLC0415

    services: dict[str, Any] = {}
    for path in files:
        found = read_compose(path).get("services")
        services |= {str(name): service for name, service in (found if isinstance(found, dict) else {}).items()}
    every = dict.fromkeys([*cached.get("services", ()), *services])
    scalable = dict.fromkeys([*cached.get("scalable", ()), *scalable_services(services)])
    scalable.pop(balancer, None)
    return ServiceNames(tuple(every), tuple(scalable), problem)
