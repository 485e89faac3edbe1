"""Removal of leftovers, where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.stack import STOP_SECONDS, Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import Build, RemoveImages, RemoveNetwork
from optimus_ops.plan.stop import drain_and_remove

CAUSE = Cause("--remove-orphans", "requested")


def replaced_images(plan: Plan, stack: Stack, state: State, images: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of the images (name -> id) that lose their names to what a plan builds, and that nothing runs."""
    built = [stack.services[name].image for step in plan.steps if isinstance(step, Build) for name in step.services]
    used = {replica.image_id for replica in state.replicas if replica.running}
    return tuple(dict.fromkeys(images[name] for name in built if name in images and images[name] not in used))


def remove_containers(containers: Sequence[Replica]) -> tuple[Step, ...]:
    """Return the steps that drain and remove containers that no file wants."""
    grace = [replica.stop_seconds for replica in containers if replica.running]
    return drain_and_remove(containers, max(grace, default=STOP_SECONDS), CAUSE)


def remove_unused(leftovers: Leftovers) -> tuple[Step, ...]:
    """Return the steps that remove networks and images that nothing uses."""
    images = (RemoveImages(images=leftovers.images, cause=CAUSE),) if leftovers.images else ()
    return (*(RemoveNetwork(network=name, cause=CAUSE) for name in leftovers.networks), *images)
