"""Staleness: which containers are not what would be started now, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from optimus_ops.model.container_inputs import VARIABLE_NAMES, Kind
from optimus_ops.model.port_conflicts import bound_otherwise
from optimus_ops.model.stack import Service, Stack
from optimus_ops.model.state import Replica, State, short_id
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.inputs import ObservedInputs

NAMED = 3
"""So many changed variables are named; an overlay may bring ten."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a container of a service is stale."""

    service: str
    causes: tuple[Cause, ...]

    @property
    def why(self) -> str:
        """All causes, without the service."""
        return joined(self.causes).text

    @property
    def cause(self) -> Cause:
        """All causes as one, with the service."""
        return joined(self.causes, f"{self.service}: ")

    @property
    def only_configuration(self) -> bool:
        """Whether nothing but mounted files changed: a balancer can reload those while it runs."""
        return {cause.kind for cause in self.causes} == {"configuration"}


def staleness(stack: Stack, state: State, services: Iterable[str], inputs: ObservedInputs) -> dict[str, Staleness]:
    """Return container id -> why it is stale, of every container of the services that is."""
    found = {
        replica.id: Staleness(name, tuple(_causes(stack.services[name], replica, inputs)))
        for name in services
        for replica in state.of(name)
    }
    return {container: stale for container, stale in found.items() if stale.causes}


def _causes(service: Service, replica: Replica, inputs: ObservedInputs) -> Iterator[Cause]:
    causes = (*_image(service, replica, inputs), *_inputs(service, replica, inputs))
    yield from causes
    # The digest covers the image's name, too: another name of the same image is no other definition.
    wanted = inputs.hashes.get(service.name, "") if replica.id not in inputs.noted else ""
    if not causes and wanted and replica.config_hash not in {"", wanted} and replica.image == service.image:
        yield Cause("its definition in the Compose files changed", "definition")


def _image(service: Service, replica: Replica, inputs: ObservedInputs) -> Iterator[Cause]:
    image = inputs.images.get(service.image)
    if image is not None and replica.image_id != image:
        yield Cause(f"image {short_id(replica.image_id)} runs, {short_id(image)} is wanted", "image")


def _inputs(service: Service, replica: Replica, inputs: ObservedInputs) -> Iterator[Cause]:
    def changed(kind: Kind) -> dict[str, None]:
        changes = inputs.changes.get(replica.id, ())
        return dict.fromkeys(change.name for change in changes if change.kind == kind)

    definition = changed("definition")
    have = replica.environment
    if variables := [name for name, value in service.environment.items() if have and have.get(name) != value]:
        definition.pop(VARIABLE_NAMES, None)
        yield Cause(f"the environment changed ({_some(variables)})", "environment")
    if replica.running and (ports := bound_otherwise(service.published, replica.published)):
        definition.pop("ports", None)
        yield Cause(ports, "ports")
    if files := changed("configuration"):
        yield Cause(f"its configuration changed ({', '.join(files)})", "configuration")
    if secrets := changed("secret"):
        yield Cause(f"its secrets changed ({', '.join(secrets)})", "secret")
    if definition:
        yield Cause(f"its definition in the Compose files changed ({', '.join(definition)})", "definition")


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:NAMED])} and {more} more"
