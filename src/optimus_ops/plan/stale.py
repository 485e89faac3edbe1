"""Which replicas are stale: not what would be started now, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from optimus_ops.model.port_conflicts import bound_otherwise
from optimus_ops.model.state import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optimus_ops.model.container_inputs import Changed, Kind
    from optimus_ops.model.stack import Service, Stack
    from optimus_ops.model.state import Replica, State

Reason = Literal["image", "environment", "ports", "configuration", "secret", "definition"]


@dataclass(frozen=True, slots=True)
class Versions:
    """What would be started now.

    Args:
        images: name -> id of the images that are on the machine.
        hashes: service -> Compose's digest of its definition; a service without one isn't judged by it.
        changes: container id -> what it was given and is another one now.
        noted: the containers of which it is known what they were given; others are judged by Compose's digest.
    """

    images: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[Changed, ...]] = field(default_factory=dict)
    noted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a container isn't what would be started now.

    Args:
        service: the service.
        reasons: kind -> a few words.
    """

    service: str
    reasons: Mapping[Reason, str]

    @property
    def why(self) -> str:
        """Return all reasons."""
        return "; ".join(self.reasons.values())

    @property
    def cause(self) -> str:
        """Return service and reasons."""
        return f"{self.service}: {self.why}"

    @property
    def only_configuration(self) -> bool:
        """Whether nothing but mounted files changed: a balancer can read those again while it runs."""
        return set(self.reasons) == {"configuration"}


def stale_replicas(stack: Stack, state: State, services: Iterable[str], versions: Versions) -> dict[str, str]:
    """Return container id -> cause, of every container of the services that isn't what would be started now."""
    return {container: found.cause for container, found in staleness(stack, state, services, versions).items()}


def staleness(stack: Stack, state: State, services: Iterable[str], versions: Versions) -> dict[str, Staleness]:
    """Return container id -> why it is stale, of every container of the services that is."""
    found = {
        replica.id: Staleness(name, dict(_reasons(stack.services[name], replica, versions)))
        for name in services
        for replica in state.of(name)
    }
    return {container: stale for container, stale in found.items() if stale.reasons}


def _reasons(service: Service, replica: Replica, versions: Versions) -> Iterator[tuple[Reason, str]]:
    """Yield why a replica is stale."""
    clear = True
    for reason in (*_image(service, replica, versions), *_given(service, replica, versions)):
        clear = False
        yield reason
    # The digest covers the image's name, too: another name of the same image is no other definition.
    wanted = versions.hashes.get(service.name, "") if replica.id not in versions.noted else ""
    if clear and wanted and replica.config_hash not in {"", wanted} and replica.image == service.image:
        yield "definition", "its definition in the Compose files changed"


def _image(service: Service, replica: Replica, versions: Versions) -> Iterator[tuple[Reason, str]]:
    image = versions.images.get(service.image)
    if image is not None and replica.image_id != image:
        yield "image", f"image {short_id(replica.image_id)} runs, {short_id(image)} is wanted"


def _given(service: Service, replica: Replica, versions: Versions) -> Iterator[tuple[Reason, str]]:
    changes = versions.changes.get(replica.id, ())
    if names := _changed_variables(service, replica):
        yield "environment", f"the environment changed ({', '.join(names)})"
    ports = bound_otherwise(service.published, replica.published) if replica.running else ""
    if ports:
        yield "ports", ports
    if names := _named(changes, "configuration"):
        yield "configuration", f"its configuration changed ({', '.join(names)})"
    if names := _named(changes, "secret"):
        yield "secret", f"its secrets changed ({', '.join(names)})"
    told = {"ports"} if ports else set()
    told |= {"names of variables"} if _changed_variables(service, replica) else set()
    if names := tuple(name for name in _named(changes, "definition") if name not in told):
        yield "definition", f"its definition in the Compose files changed ({', '.join(names)})"


def _named(changes: Iterable[Changed], kind: Kind) -> tuple[str, ...]:
    return tuple(dict.fromkeys(changed.name for changed in changes if changed.kind == kind))


def _changed_variables(service: Service, replica: Replica) -> tuple[str, ...]:
    have = replica.environment
    return tuple(name for name, value in service.environment.items() if have and have.get(name) != value)
