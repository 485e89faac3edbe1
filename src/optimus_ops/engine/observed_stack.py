"""The stack read from its containers' labels, for when the Compose files can't be read."""

from __future__ import annotations

from optimus_ops.engine.labels import DEPENDS_LABEL
from optimus_ops.model.scalable import is_labelled
from optimus_ops.model.stack import Dependency, Service, Stack
from optimus_ops.model.state import Replica, State


def observed_stack(state: State, *, balancer: str, migrations: str) -> Stack:
    """Return a stack of the services that have containers, with what is needed to stop them in order.

    A balancer or migrations job without a container is ignored.
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
        scalable=leaves_first and name != balancer,
        default_replicas=len(replicas),
        depends_on=depends_on,
        stop_seconds=max(replica.stop_seconds for replica in replicas),
        labels=dict(first.labels),
    )


def parse_depends_on(label: str) -> dict[str, Dependency]:
    """Parse Compose's label of dependencies: `db:service_healthy:false,init:…`."""
    found = {}
    for part in label.split(","):
        name, _, rest = part.partition(":")
        condition, _, restart = rest.partition(":")
        if name and condition:
            found[name] = Dependency(condition, restart=restart == "true")
    return found
