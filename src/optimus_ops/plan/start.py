"""Starts: services in order, each when what it waits for has started, is healthy or has ended well."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from optimus_ops.model.stack import HEALTHY, Stack
from optimus_ops.model.state import State
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.order import Rank, rank_of, start_order
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import Start, WaitDependency, WaitHealthy


def too_few(state: State, wanted: Mapping[str, int]) -> dict[str, int]:
    """Return service -> containers, of those that have fewer running than wanted."""
    return {name: count for name, count in wanted.items() if len(state.running(name)) < count}


def start_steps(
    stack: Stack,
    state: State,
    wanted: Mapping[str, int],
    jobs: Mapping[str, tuple[Step, ...]],
    requested: Collection[str] = (),
) -> tuple[Step, ...]:
    """Return the starts (service -> containers) and jobs in order, each behind what it waits for.

    Nothing goes on without services that were `requested` by name.
    """
    starting = too_few(state, wanted)
    required = {**healthy_first(stack, [*starting, *jobs]), **dict.fromkeys(requested, True)}
    steps: list[Step] = []
    pending: dict[str, int] = {}
    for group in start_order(stack, [*starting, *jobs]):
        rank, needed = rank_of(stack, group[0]), healthy_first(stack, group)
        # What stands on the stores starts when all of them are healthy, whether it says so or not.
        stores = [name for name in pending if rank and not rank_of(stack, name) and required.get(name, True)]
        due = [name for name in pending if name in needed or name in stores]
        for must in (True, False):
            names = [name for name in due if required.get(name, True) == must]
            steps += _wait(state, {name: pending.pop(name) for name in names}, required=must)
        steps += wait_for_dependencies(state, {name: must for name, must in needed.items() if name not in starting})
        if rank == Rank.JOB:
            steps += [step for name in group for step in jobs[name]]
        else:
            counts = {name: starting[name] for name in group}
            pending |= counts
            steps.append(_start(state, counts, replicas=rank == Rank.REPLICAS))
    optional = {name: pending.pop(name) for name in tuple(pending) if stack.services[name].optional}
    return (*steps, *_wait(state, pending), *_wait(state, optional, required=False))


def healthy_first(stack: Stack, names: Iterable[str]) -> dict[str, bool]:
    """Return what has to be healthy before services start -> whether one of them can't do without."""
    found: dict[str, bool] = {}
    for name in names:
        for needed, dependency in stack.services[name].depends_on.items():
            if dependency.condition == HEALTHY and needed not in stack.jobs:
                found[needed] = found.get(needed, False) or dependency.required
    return found


def wait_for_dependencies(state: State, needed: Mapping[str, bool]) -> tuple[Step, ...]:
    """Return the waits for what runs already and has no healthy replica at this moment (service -> required)."""
    late = {
        name: required
        for name, required in needed.items()
        if state.running(name) and not any(replica.ready for replica in state.running(name))
    }
    return tuple(
        WaitDependency(services=names, required=must, cause=Cause("what starts depends on it", "dependency"))
        for must in (True, False)
        if (names := tuple(name for name, required in late.items() if required == must))
    )


def _start(state: State, counts: Mapping[str, int], *, replicas: bool) -> Start:
    short = "; ".join(f"{name}: {len(state.running(name))} running, {count} wanted" for name, count in counts.items())
    ended = tuple(found.id for name in counts for found in state.of(name) if replicas and not found.running)
    return Start(counts=tuple(counts.items()), replicas=replicas, ended=ended, cause=Cause(short, "count"))


def _wait(state: State, started: Mapping[str, int], *, required: bool = True) -> tuple[Step, ...]:
    """Return the wait for what was started; what was unhealthy before is not waited for."""
    unhealthy = {name: sum(replica.health == "unhealthy" for replica in state.running(name)) for name in started}
    counts = tuple((name, count - unhealthy[name]) for name, count in started.items())
    return (WaitHealthy(counts=counts, required=required, cause=Cause("they were started")),) if counts else ()
