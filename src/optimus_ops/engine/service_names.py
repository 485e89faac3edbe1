"""The names of a stack's services, known at every start: the flags of `invoke scale` are made from them.

They come from the merged model. Asking Compose for it takes longer than a start may, so they are kept beside a digest
of all that the model was made of; nothing that is kept could be a secret.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from optimus_ops.project.settings import Project

# What they are made by; another way of making them is another number.
FORM = 1
SETTINGS = ("COMPOSE_DISABLE_ENV_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES")


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """The services of a stack.

    Args:
        every: all of them.
        scalable: those that may have more than one replica.
        problem: why they may be incomplete: the files don't parse, or there is nothing to parse them with.
    """

    every: tuple[str, ...] = ()
    scalable: tuple[str, ...] = ()
    problem: OpsError | None = None


def merged_names(project: Project) -> ServiceNames:
    """Return the names in a project's merged model, asked of Compose.

    Raises:
        OpsError: the files don't parse, or there is no Compose.
    """
    from optimus_ops.engine.docker_compose import DockerCompose  # noqa: PLC0415 - only where nothing is kept
    from optimus_ops.engine.pins import Pins  # noqa: PLC0415

    stack = DockerCompose(project, project.files(), Pins()).stack()
    return ServiceNames(tuple(stack.services), stack.scalable)


def service_names(
    project: Project,
    environ: Mapping[str, str] | None = None,
    merged: Callable[[Project], ServiceNames] = merged_names,
) -> ServiceNames:
    """Return the names of a project's services: as kept, else of the merged model, else what can be read of the files.

    Args:
        project: the project.
        environ: the environment that its files are read with.
        merged: asks for them.
    """
    environ = {**project.variables, **(os.environ if environ is None else environ)}
    files = project.always
    place = project.state / "model" / f"{zlib.crc32(os.fsencode(':'.join(map(str, files)))):08x}.json"
    kept = _read(place)
    if kept and kept.get("digest") == digest(kept["inputs"], kept["variables"], environ):
        return ServiceNames(tuple(kept["services"]), tuple(kept["scalable"]))
    try:
        found = merged(project)
    except OpsError as problem:
        return _by_surface(files, project.balancer, kept, problem)
    _keep(place, found, project, environ)
    return found


def digest(inputs: Iterable[str], variables: Iterable[str], environ: Mapping[str, str]) -> str:
    """Return checksums of files' contents and variables' values.

    Args:
        inputs: paths; one that is missing counts as such.
        variables: names.
        environ: where their values are.
    """
    # Checksums and no hash: nobody gains by two models that look alike, and loading OpenSSL takes 4% of a start.
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
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read(place: Path) -> dict[str, Any]:
    try:
        kept = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    names = ("inputs", "variables", "services", "scalable")
    whole = isinstance(kept, dict) and all(isinstance(kept.get(name), list) for name in names)
    return kept if whole else {}


def _keep(place: Path, found: ServiceNames, project: Project, environ: Mapping[str, str]) -> None:
    from optimus_ops.project.compose_files import env_files  # noqa: PLC0415
    from optimus_ops.project.model_files import inputs_of, variables_in  # noqa: PLC0415
    from optimus_ops.system.atomic_write import write_private  # noqa: PLC0415

    variables_in_files = env_files(project.root, project.compose, environ)
    inputs = [str(path) for path in inputs_of(project.always, environ, variables_in_files)]
    variables = variables_in([_content(Path(name)) or b"" for name in inputs])
    made = digest(inputs, variables, environ)
    record = {
        "digest": made,
        "inputs": inputs,
        "variables": variables,
        "services": found.every,
        "scalable": found.scalable,
    }
    try:
        write_private(place, json.dumps(record))
    except OSError:
        # A checkout that can't be written: asked anew at the next start.
        return


def _by_surface(files: tuple[Path, ...], balancer: str, kept: Mapping[str, Any], problem: OpsError) -> ServiceNames:
    """Return what was known before the files broke, and what they say without being merged."""
    from optimus_ops.model.scalable import scalable_services  # noqa: PLC0415
    from optimus_ops.project.model_files import read_compose  # noqa: PLC0415

    services: dict[str, Any] = {}
    for path in files:
        found = read_compose(path).get("services")
        services |= {str(name): told for name, told in (found if isinstance(found, dict) else {}).items()}
    every = dict.fromkeys([*kept.get("services", ()), *services])
    scalable = dict.fromkeys([*kept.get("scalable", ()), *scalable_services(services)])
    scalable.pop(balancer, None)
    return ServiceNames(tuple(every), tuple(scalable), problem)
