"""Start order: as `depends_on` says, and where that says nothing, stores before replicas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum

from optimus_ops.errors import Refused
from optimus_ops.model.stack import Stack


class Rank(IntEnum):
    """What a service is; of those that could start now, the lowest ones do."""

    FOUNDATION = 0
    JOB = 1
    REPLICAS = 2
    BALANCER = 3
    OPTIONAL = 4


def rank_of(stack: Stack, name: str) -> Rank:
    """Return what a service is: the balancer, a job, replicas, what they do without, or (stores) what they stand on."""
    if name == stack.balancer:
        return Rank.BALANCER
    if name in stack.jobs:
        return Rank.JOB
    if stack.services[name].scalable:
        return Rank.REPLICAS
    return Rank.OPTIONAL if stack.services[name].optional else Rank.FOUNDATION


def start_order(stack: Stack, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return services in groups of one rank each: a group starts together, after all that its members depend on.

    Services that depend on one another in a circle are refused.
    """
    starting = set(names)
    waiting = [name for name in stack.services if name in starting]
    groups: list[tuple[str, ...]] = []
    while waiting:
        free = [name for name in waiting if not stack.services[name].depends_on.keys() & set(waiting)]
        if not free:
            circle = _circle({name: stack.services[name].depends_on for name in waiting})
            raise Refused(
                f"services wait for one another: {' -> '.join(circle)}", "take one of these depends_on out of the files"
            )
        first = min(rank_of(stack, name) for name in free)
        groups.append(tuple(name for name in free if rank_of(stack, name) == first))
        waiting = [name for name in waiting if name not in groups[-1]]
    return tuple(groups)


def dependencies_first(stack: Stack, names: Iterable[str]) -> tuple[str, ...]:
    """Return services with those first that others of them depend on; else in the order in which they are given."""
    left = list(names)
    result: list[str] = []
    while left:
        ready = (name for name in left if not stack.services[name].depends_on.keys() & set(left))
        result.append(next(ready, left[0]))
        left.remove(result[-1])
    return tuple(result)


def _circle(needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return a circle in a graph of which every member needs another one; its first member is repeated at the end."""
    path = [next(iter(needs))]
    while path[-1] not in path[:-1]:
        path.append(next(needed for needed in needs[path[-1]] if needed in needs))
    return tuple(path[path.index(path[-1]) :])


def needed_by(stack: Stack, name: str) -> frozenset[str]:
    """Return the services that a service depends on, and those that they depend on."""
    found: set[str] = set()
    pending = [name]
    while pending:
        new = stack.services[pending.pop()].depends_on.keys() & stack.services.keys() - found
        found |= new
        pending.extend(new)
    return frozenset(found)
