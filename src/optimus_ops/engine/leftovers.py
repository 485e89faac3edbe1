"""Leftovers of earlier runs and versions of the files on the engine, and the last output of containers that ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.labels import PROJECT_LABEL, SERVICE_LABEL
from optimus_ops.engine.port import Engine
from optimus_ops.engine.values import Image
from optimus_ops.errors import OpsError
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.system.output_masking import masked

LAST_LINES = 3
MOST_ASKED = 8
"""A whole stack that crashes says the same many times over."""
SILENT = frozenset({"created", "paused", "removing"})


def observe_leftovers(
    engine: Engine, compose: Compose, document: Mapping[str, Any], stack: Stack, state: State
) -> Leftovers:
    """Return a project's leftovers; `document` is the merged model that `stack` was read from."""
    project = compose.project.name
    unknown = [replica for replica in state.replicas if replica.service not in stack.services]
    known = services_of_files(engine, compose) if unknown else ()
    # Where the files can't be read, nobody can say what they don't want.
    orphans = tuple(replica for replica in unknown if known is not None and replica.service not in known)
    one_offs = engine.observe(project, one_off=True).replicas
    going = {replica.id for replica in (*orphans, *one_offs)}
    wanted = {str(network.get("name", "")) for network in (document.get("networks") or {}).values() if network}
    networks = tuple(
        name for name in engine.networks(project) if name not in wanted and set(engine.network_users(name)) <= going
    )
    built = [service.image for service in stack.services.values() if service.builds]
    return Leftovers(orphans, one_offs, networks, former_images(engine, built))


def services_of_files(engine: Engine, compose: Compose) -> tuple[str, ...] | None:
    """Return the services of the files, of all profiles and of overlays that the stack was started with.

    None where the files can't be read.
    """
    started_with = [Path(name) for name in engine.files(compose.project.name, stopped=True)]
    others = [path for path in started_with if path.is_file() and path not in compose.files]
    found = compose.with_files(others).services()
    return compose.services() if found is None and others else found


def former_images(engine: Engine, names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of images that lost their names to the named ones, as their labels say, and that nobody uses."""
    now = (engine.image(name) for name in dict.fromkeys(names))
    origins = {_origin(image) for image in now if image is not None} - {("", "")}
    if not origins:
        return ()
    nameless = [image.id for image in engine.nameless_images(SERVICE_LABEL) if _origin(image) in origins]
    used = engine.used_images() if nameless else frozenset()
    return tuple(image for image in nameless if image not in used)


def remove_nameless(engine: Engine, images: Iterable[str]) -> None:
    """Remove those of the images that have no name; the engine keeps what is used, or built on."""
    for image in images:
        found = engine.image(image)
        if found is None or not found.names:
            with contextlib.suppress(OpsError):
                engine.untag(image)


def _origin(image: Image) -> tuple[str, str]:
    return image.labels.get(PROJECT_LABEL, ""), image.labels.get(SERVICE_LABEL, "")


def last_lines(engine: Engine, replicas: Iterable[Replica]) -> dict[str, tuple[str, ...]]:
    """Return container id -> the last lines of each that ended by itself."""
    asked = [replica for replica in replicas if replica.status not in SILENT and not replica.ended_well]
    return {replica.id: tuple(_short(engine.logs(replica.id, tail=LAST_LINES))) for replica in asked[:MOST_ASKED]}


def _short(lines: Iterable[str]) -> Iterator[str]:
    return (masked(line.strip())[:200] for line in lines if line.strip())
