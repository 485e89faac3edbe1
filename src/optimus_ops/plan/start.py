"""Planning starts: services in order, each when what it waits for has started, is healthy or has ended well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.model.stack import HEALTHY
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.order import Rank, rank_of, start_order
from optimus_ops.plan.step import Step
from optimus_ops.plan.steps import RunJob, Start, WaitDependency, WaitHealthy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import State


@dataclass(frozen=True, slots=True)
class JobVersions:
    """What a job would run as now.

    Args:
        images: name -> id of the images that are on the machine.
        anew: images that are made anew before it runs.
        changed: jobs whose definition is another one than that of their last run.
    """

    images: Mapping[str, str]
    anew: Collection[str] = ()
    changed: Collection[str] = ()


def due_jobs(
    stack: Stack, state: State, starting: Iterable[str], versions: JobVersions, *, whole: bool = True
) -> dict[str, tuple[Step, ...]]:
    """Return the jobs that have to run, the migrations left out, each with its step.

    That is: something that depends on it starts now, and it never ended well on the image and definition that are
    there; or its definition changed since then. A job that ended well is not run again for another replica.

    Args:
        stack: what is wanted.
        state: what runs.
        starting: the services that get new containers.
        versions: what jobs would run as now.
        whole: whether the whole stack is brought up, and not some services of it.
    """
    causes = {name: _cause(stack, state, name, versions) for name in stack.jobs if name != stack.migrations}
    due = {name for name in causes if whole and name in versions.changed}
    reached = {*starting, *due}
    while True:
        more = {
            needed
            for name in reached
            for needed in stack.services[name].depends_on
            if causes.get(needed) and needed not in reached
        }
        if not more:
            break
        due |= more
        reached |= more
    return {
        name: (RunJob(service=name, required=_required(stack, name, reached), cause=Cause(causes[name])),)
        for name in stack.services
        if name in due
    }


def _cause(stack: Stack, state: State, name: str, versions: JobVersions) -> str:
    """Return why a job would have to run again before anything that waits for it starts; "" if it need not."""
    image = stack.services[name].image
    if image in versions.anew:
        return "its image is built anew"
    runs = [replica for replica in state.of(name) if replica.status == "exited" and replica.exit_code == 0]
    if not runs:
        return "it has not ended well yet"
    if name in versions.changed:
        return "its definition in the Compose files changed"
    if all(replica.image_id != versions.images.get(image) for replica in runs):
        return "it has not ended well on this image yet"
    return ""


def _required(stack: Stack, name: str, starting: Collection[str]) -> bool:
    """Tell whether something that starts can't do without a dependency; also where nothing that waits for it starts."""
    waits = [
        service.depends_on[name]
        for other, service in stack.services.items()
        if other in starting and name in service.depends_on
    ]
    return not waits or any(dependency.required for dependency in waits)


def start_steps(
    stack: Stack,
    state: State,
    wanted: Mapping[str, int],
    jobs: Mapping[str, tuple[Step, ...]],
    asked: Collection[str] = (),
) -> tuple[Step, ...]:
    """Return the starts and jobs in order, each behind what it waits for.

    Args:
        stack: what is wanted.
        state: what runs.
        wanted: service -> containers.
        jobs: job -> its steps, of those that run.
        asked: services that are wanted by name, so that nothing goes on without them.
    """
    short = {name: count for name, count in wanted.items() if len(state.running(name)) < count}
    required_at_all = {**healthy_first(stack, [*short, *jobs]), **dict.fromkeys(asked, True)}
    steps: list[Step] = []
    pending: dict[str, int] = {}
    for group in start_order(stack, [*short, *jobs]):
        rank = rank_of(stack, group[0])
        needed = healthy_first(stack, group)
        # What stands on the stores starts when all of them are healthy, whether it says so or not.
        stores = [
            name for name in pending if rank_of(stack, name) == Rank.FOUNDATION and required_at_all.get(name, True)
        ]
        due = [name for name in pending if name in needed or (rank and name in stores)]
        for required in (True, False):
            names = [name for name in due if required_at_all.get(name, True) == required]
            steps.extend(_wait(state, {name: pending.pop(name) for name in names}, required=required))
        steps.extend(wait_for_dependencies(state, {name: told for name, told in needed.items() if name not in short}))
        if rank == Rank.JOB:
            steps.extend(step for name in group for step in jobs[name])
        else:
            counts = {name: short[name] for name in group}
            pending |= counts
            cause = _shortage(state, counts)
            ended = tuple(found.id for name in group for found in state.of(name) if not found.running)
            replicas = rank == Rank.REPLICAS
            steps.append(
                Start(
                    counts=tuple(counts.items()), replicas=replicas, ended=ended if replicas else (), cause=Cause(cause)
                )
            )
    return (*steps, *_wait(state, pending))


def healthy_first(stack: Stack, names: Iterable[str]) -> dict[str, bool]:
    """Return what has to be healthy before services start -> whether one of them can't do without."""
    found: dict[str, bool] = {}
    for name in names:
        for needed, dependency in stack.services[name].depends_on.items():
            if dependency.condition == HEALTHY and needed not in stack.jobs:
                found[needed] = found.get(needed, False) or dependency.required
    return found


def wait_for_dependencies(state: State, needed: Mapping[str, bool]) -> tuple[Step, ...]:
    """Return the waits for what runs already and has no healthy replica at this moment.

    Args:
        state: what runs.
        needed: service -> whether it is required.
    """
    late = {
        name: told
        for name, told in needed.items()
        if state.running(name) and not any(replica.ready for replica in state.running(name))
    }
    return tuple(
        WaitDependency(services=names, required=required, cause=Cause("what starts depends on it"))
        for required in (True, False)
        if (names := tuple(name for name, told in late.items() if told == required))
    )


def _shortage(state: State, counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {len(state.running(name))} running, {count} wanted" for name, count in counts.items())


def _wait(state: State, started: Mapping[str, int], *, required: bool = True) -> tuple[Step, ...]:
    """Return the wait for what was started; what was unhealthy before is not waited for."""
    unhealthy = {name: sum(replica.health == "unhealthy" for replica in state.running(name)) for name in state.services}
    counts = tuple((name, count - unhealthy.get(name, 0)) for name, count in started.items())
    return (WaitHealthy(counts=counts, required=required, cause=Cause("they were started")),) if counts else ()
