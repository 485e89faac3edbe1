"""The stack as its containers tell it: what Compose wrote on them, for when the files can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.model.scalable import is_labelled
from optimus_ops.model.stack import Dependency, Service, Stack

if TYPE_CHECKING:
    from optimus_ops.model.state import Replica, State

DEPENDS_LABEL = "com.docker.compose.depends_on"


def observed_stack(state: State, *, balancer: str, migrations: str) -> Stack:
    """Return a stack of the services that have containers, with what is needed to stop them in order.

    Args:
        state: the containers.
        balancer: the balancer's service name; ignored if it has no container.
        migrations: the migrations job's service name; likewise.
    """
    names = dict.fromkeys(replica.service for replica in state.replicas)
    services = {name: _service(name, state.of(name), balancer) for name in names}
    return Stack(
        project=state.project,
        services=services,
        balancer=balancer if balancer in services else None,
        migrations=migrations if migrations in services else None,
    )


def _service(name: str, replicas: tuple[Replica, ...], balancer: str) -> Service:
    first = replicas[0]
    depends_on = parse_depends_on(first.labels.get(DEPENDS_LABEL, ""))
    # What needs others stops before them.
    leaves_first = is_labelled(dict(first.labels)) or bool(depends_on) or len(replicas) > 1
    return Service(
        name=name,
        image=first.image,
        builds=False,
        base_images=(),
        scalable=leaves_first and name != balancer,
        default_replicas=len(replicas),
        ports=(),
        published=(),
        depends_on=depends_on,
        cpus=None,
        memory=None,
        reserved_cpus=None,
        reserved_memory=None,
        stop_seconds=max(replica.stop_seconds for replica in replicas),
        environment={},
        labels=dict(first.labels),
        given=(),
    )


def parse_depends_on(label: str) -> dict[str, Dependency]:
    """Return the dependencies that Compose wrote on a container: `db:service_healthy:false,init:…`."""
    found = {}
    for part in label.split(","):
        name, _, rest = part.partition(":")
        condition, _, restart = rest.partition(":")
        if name and condition:
            found[name] = Dependency(condition, restart=restart == "true")
    return found
