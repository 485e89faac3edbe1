"""What projects and sessions of tests leave on the engine, and its removal.

A session names everything after its main process. Workers that are killed remove nothing: the session does it at its
end, and the next one for a session that was killed itself.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from docker.errors import APIError
from tests.support.ports import WORKER

PROJECT_LABEL = "com.docker.compose.project"
PREFIX = "optimus-it-"
_MAIN = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
SESSION = f"{PREFIX}{_MAIN}-"
"""What the names of this session begin with."""
NAME = f"{SESSION}{WORKER}"
"""What the names of this worker begin with."""
ROUNDS = 20


def remove_project(api: Any, project: str) -> None:
    """Remove all of a Compose project but images; containers that a killed command is still making, too."""
    label = {"label": f"{PROJECT_LABEL}={project}"}
    for _ in range(ROUNDS):
        left = api.containers(all=True, filters=label)
        if not left:
            break
        for container in left:
            _remove(api.remove_container, container["Id"], force=True, v=True)
        time.sleep(0.1)
    for network in api.networks(filters=label):
        _remove(api.remove_network, network["Id"])
    for volume in api.volumes(filters=label).get("Volumes") or ():
        _remove(api.remove_volume, volume["Name"], force=True)


def remove_session(api: Any, session: str = SESSION) -> None:
    """Remove everything whose name has a session's in it: containers, networks, volumes and images."""
    for container in _named(api.containers(all=True), session):
        _remove(api.remove_container, container["Id"], force=True, v=True)
    for network in _named(api.networks(), session):
        _remove(api.remove_network, network["Id"])
    for volume in _named(api.volumes().get("Volumes") or (), session):
        _remove(api.remove_volume, volume["Name"], force=True)
    remove_images(api, session)


def remove_images(api: Any, text: str) -> None:
    """Remove every name of an image that has a text in it."""
    for tag in image_tags(api):
        if text in tag:
            _remove(api.remove_image, tag, force=True)


def image_tags(api: Any) -> dict[str, str]:
    """Return name -> id of every image of the engine; others may come and go meanwhile."""
    return {tag: str(image["Id"]) for image in api.images() for tag in image["RepoTags"] or ()}


def remove_ended_sessions(api: Any) -> None:
    """Remove what sessions left whose main process is no more."""
    things = [*api.containers(all=True), *api.networks(), *(api.volumes().get("Volumes") or ())]
    names = [*(name for thing in things for name in _names(thing)), *image_tags(api)]
    sessions = {(found[0], found[1]) for name in names if (found := re.search(rf"{PREFIX}(\d+)[-/]", name))}
    for session, main in sessions:
        if not Path("/proc", main).exists():
            remove_session(api, session)


def _names(thing: dict[str, Any]) -> list[str]:
    """Return the names of a container, a network or a volume, and that of its project."""
    project = (thing.get("Labels") or {}).get(PROJECT_LABEL, "")
    return [*(thing.get("Names") or ()), str(thing.get("Name", "")), str(project)]


def _named(things: Any, text: str) -> list[dict[str, Any]]:
    return [thing for thing in things if any(text in name for name in _names(thing))]


def _remove(remove: Any, name: str, **options: bool) -> None:
    """Remove something that may be gone already, or still be in use by something that is going."""
    try:
        remove(name, **options)
    except APIError:
        return
