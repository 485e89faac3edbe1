"""Planning how what is left over goes, where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.scale import going
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Build, Remove, RemoveImages, RemoveNetwork, Stop

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from optimus_ops.model.leftovers import Leftovers
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State
    from optimus_ops.plan.step import Plan

CAUSE = "--remove-orphans"


def replaced_images(plan: Plan, stack: Stack, state: State, images: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the images that lose their names to what a plan builds, and that nothing runs on.

    Args:
        plan: the plan.
        stack: what is wanted.
        state: what runs.
        images: name -> id of the images that are on the machine.
    """
    built = [stack.services[name].image for step in plan.steps if isinstance(step, Build) for name in step.services]
    used = {replica.image_id for replica in state.replicas if replica.running}
    return tuple(dict.fromkeys(images[name] for name in built if name in images and images[name] not in used))


def clear_containers(leftovers: Leftovers) -> tuple[Step, ...]:
    """Return the steps by which containers that no file wants are drained and removed."""
    return _clear(leftovers.containers)


def clear_one_offs(leftovers: Leftovers) -> tuple[Step, ...]:
    """Return the steps by which the containers of `docker compose run` are ended and removed."""
    return _clear(leftovers.one_offs)


def _clear(containers: tuple[Replica, ...]) -> tuple[Step, ...]:
    steps: list[Step] = []
    running = [replica for replica in containers if replica.running]
    if running:
        seconds = max(replica.stop_seconds for replica in running)
        steps.append(Stop(victims=going(running), seconds=seconds, cause=Cause(CAUSE)))
    if containers:
        steps.append(Remove(victims=going(containers), cause=Cause(CAUSE)))
    return tuple(steps)


def clear_rest(leftovers: Leftovers) -> tuple[Step, ...]:
    """Return the steps by which networks and images go that nothing uses."""
    networks = tuple(RemoveNetwork(network=name, cause=Cause(CAUSE)) for name in leftovers.networks)
    images = (RemoveImages(images=leftovers.images, cause=Cause(CAUSE)),) if leftovers.images else ()
    return (*networks, *images)


def check_networks(users: Mapping[str, Mapping[str, str]], leaving: Collection[str], one_offs: Collection[str]) -> None:
    """Refuse to remove networks that something stays connected to: the engine would, half-way.

    Args:
        users: network -> container id -> name, of what is connected.
        leaving: ids of the containers that are removed before.
        one_offs: ids of those of `docker compose run`.

    Raises:
        Refused: naming each.
    """
    for network, connected in users.items():
        staying = {key: name for key, name in connected.items() if key not in leaving}
        own = [name for key, name in staying.items() if key in one_offs]
        others = [name for key, name in staying.items() if key not in one_offs]
        if own:
            raise Refused(
                f"network {network} is in use by {', '.join(own)}, left by `docker compose run`",
                "remove it as well: --remove-orphans",
            )
        if others:
            raise Refused(
                f"network {network} is in use by {', '.join(others)}, which is not part of this project",
                f"disconnect it first: docker network disconnect {network} {others[0]}",
            )
