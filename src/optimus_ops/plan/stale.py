"""Which replicas are stale: not what would be started now, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from optimus_ops.engine.state import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optimus_ops.engine.state import Replica, State
    from optimus_ops.stack.model import Service, Stack


@dataclass(frozen=True, slots=True)
class Versions:
    """What would be started now.

    Args:
        images: name -> id of the images that are on the machine.
        hashes: service -> Compose's digest of its definition; a service without one isn't judged by it.
        changed_files: container id -> the mounted files and folders whose content changed since it was started.
    """

    images: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    changed_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def stale_replicas(stack: Stack, state: State, services: Iterable[str], versions: Versions) -> dict[str, str]:
    """Return container id -> cause, of every container of the services that isn't what would be started now."""
    causes = {
        replica.id: stale_cause(stack.services[name], replica, versions)
        for name in services
        for replica in state.of(name)
    }
    return {key: cause for key, cause in causes.items() if cause}


def stale_cause(service: Service, replica: Replica, versions: Versions) -> str:
    """Return why a replica is stale; "" if it isn't."""
    image = versions.images.get(service.image)
    if image is not None and replica.image_id != image:
        return f"{service.name}: image {short_id(replica.image_id)} runs, {short_id(image)} is wanted"
    if names := _changed_variables(service, replica):
        return f"{service.name}: the environment changed ({', '.join(names)})"
    if files := versions.changed_files.get(replica.id, ()):
        return f"{service.name}: its configuration changed ({', '.join(PurePath(path).name for path in files)})"
    # The digest covers the image's name, too: another name of the same image is no other definition.
    wanted = versions.hashes.get(service.name, "")
    if wanted and replica.config_hash and replica.config_hash != wanted and replica.image == service.image:
        return f"{service.name}: its definition in the Compose files changed"
    return ""


def _changed_variables(service: Service, replica: Replica) -> tuple[str, ...]:
    have = replica.environment
    return tuple(name for name, value in service.environment.items() if have and have.get(name) != value)
