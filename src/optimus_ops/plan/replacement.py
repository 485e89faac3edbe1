"""Replacements: which replicas of which services a deploy replaces, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.cause import Cause, joined
from optimus_ops.plan.images import moved_cause
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.requests import RolloutSpec
from optimus_ops.plan.staleness import Staleness, staleness
from optimus_ops.plan.stop import conditions, ended_replicas, leaving_first


@dataclass(frozen=True, slots=True)
class Replacement:
    """How one service gets from old replicas to new ones.

    Args:
        wanted: how many replicas it has afterwards.
        old: those that leave, in the order in which they leave.
        new: how many run already that need not be replaced.
        ended: containers that run no more, those that end again and again included.
    """

    service: str
    wanted: int
    old: tuple[Replica, ...]
    new: int
    ended: tuple[Replica, ...]
    cause: Cause

    def __bool__(self) -> bool:
        """Tell whether anything is replaced, started or removed."""
        return bool(self.old or self.ended or self.new < self.wanted)


def replacements(stack: Stack, state: State, request: RolloutSpec, inputs: ObservedInputs) -> tuple[Replacement, ...]:
    """Return what is replaced, the balancer left out; services that are as they should be are not among it."""
    names = tuple(name for name in request.services if name != stack.balancer)
    stale = staleness(stack, state, names, inputs)
    found: list[Replacement] = []
    for name in names:
        needed = stack.restarted_after(name, {item.service for item in found})
        if needed or name not in request.dependents:
            cause = _cause(stack, request, inputs, name, needed)
            item = _replacement(state, name, inputs.before.get(name, 0), stale, cause)
            found.extend([item] if item else [])
    return tuple(found)


def _cause(
    stack: Stack, request: RolloutSpec, inputs: ObservedInputs, name: str, needed: Collection[str]
) -> Cause | None:
    """Return why all replicas of a service are replaced; None if only stale ones are."""
    image = stack.services[name].image
    if image in inputs.moved:
        return joined([moved_cause(stack, (name,), inputs)], f"{name}: ")
    if image in rebuilt_images(stack, request, inputs):
        how = "fetched" if is_fetched(stack, request, name) else "built"
        return Cause(f"{name}: a new image is {how}", "image")
    if request.force:
        return Cause(f"{name}: --force", "requested")
    if needed:
        others = ", ".join(needed)
        return Cause(f"{name}: {others} is replaced, on which it depends with restart: true", "dependency")
    return None


def _replacement(
    state: State, name: str, before: int, stale: Mapping[str, Staleness], cause: Cause | None
) -> Replacement:
    """Return how one service is replaced: all replicas if there is a `cause`, else stale ones.

    `before` is how many replicas it had before a change that was killed; 0 if there was none.
    """
    running = state.running(name)
    wanted = before or len(state.lasting(name))
    old = tuple(replica for replica in running if cause or replica.id in stale)
    fresh = tuple(replica for replica in running if replica not in old)
    # A killed change may have left more new ones than are wanted.
    surplus = leaving_first(fresh, max(len(fresh) - wanted, 0))
    leaving = (*leaving_first(old, len(old), stale), *surplus)
    ended = ended_replicas(state, (name,))
    causes = [stale[replica.id].cause for replica in leaving if replica.id in stale]
    causes = causes or [*(conditions(ended) if not before else ())]
    unfinished = Cause(f"{name}: a change before did not end", "interrupted")
    return Replacement(name, wanted, leaving, len(fresh) - len(surplus), ended, cause or joined(causes or [unfinished]))


def rebuilt_images(stack: Stack, request: RolloutSpec, inputs: ObservedInputs) -> frozenset[str]:
    """Return the images that are built or pulled anew, so that every replica of them is stale."""
    images = {stack.services[name].image for name in request.services if name not in request.dependents}
    present = inputs.images.keys() - inputs.outdated - inputs.moved.keys()
    return frozenset(images - present)


def is_fetched(stack: Stack, request: RolloutSpec, name: str) -> bool:
    """Tell whether a service's image comes from a registry: it is asked for by its name, or nothing here builds it."""
    return bool(request.images.get(name)) or stack.services[name].image not in stack.built_images
