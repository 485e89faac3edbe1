"""Waiting for containers to become healthy; what was there before the change is neither judged nor waited for."""

from __future__ import annotations

from functools import partial

from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.steps import WaitDependency, WaitHealthy
from optimus_ops.rollout.containers import ContainerFailed, Containers, note
from optimus_ops.text.console import Progress


def wait_healthy(containers: Containers, step: WaitHealthy, progress: Progress) -> None:
    """Wait until each service has its count of healthy containers."""
    seconds = containers.deadlines.healthy
    if containers.wait_until(partial(_healthy, containers, step, progress), seconds):
        return
    watched = _watched(containers, step)
    late = next((replica for replica in _own(containers, watched) if not replica.ready), None)
    if late is not None:
        raise containers.failure(late, f"is not healthy after {seconds:.0f} s")
    if any(len(watched[name]) < count for name, count in step.counts):
        ready = _ready(containers, watched)
        raise OpsError(f"replicas are missing after {seconds:.0f} s: {dict(step.counts)}, healthy are {ready}")


def wait_for_dependencies(containers: Containers, step: WaitDependency, progress: Progress) -> None:
    """Wait until each of some services that run already has a healthy replica."""
    seconds = containers.deadlines.healthy
    if containers.wait_until(partial(_dependencies_healthy, containers, step, progress), seconds):
        return
    state = containers.observe(step.services)
    late = _late(state, step)[0]
    output = "\n".join(containers.last_output(replica) for replica in state.of(late)) or "    (it has no container)"
    raise ContainerFailed(
        f"no replica of {late} is healthy after {seconds:.0f} s, and what starts depends on it", output
    )


def _healthy(containers: Containers, step: WaitHealthy, progress: Progress) -> bool:
    watched = _watched(containers, step)
    own = _own(containers, watched)
    ready = _ready(containers, watched)
    note(progress, ", ".join(f"{name} {ready[name]}/{count}" for name, count in step.counts))
    if failed := containers.health.failed(own):
        raise containers.failure(failed[0], failed[0].condition)
    return all(replica.ready for replica in own) and all(len(watched[name]) >= count for name, count in step.counts)


def _watched(containers: Containers, step: WaitHealthy) -> dict[str, tuple[Replica, ...]]:
    """Return service -> the containers that may be healthy in the end."""
    state = containers.observe([name for name, _count in step.counts])
    return {name: _candidates(containers, state, name, new=step.new) for name, _count in step.counts}


def _candidates(containers: Containers, state: State, name: str, *, new: bool) -> tuple[Replica, ...]:
    if new:
        return containers.new_replicas(state, name)
    if not containers.stack.services[name].scalable:
        return state.of(name)
    # Replicas that had ended before stay as they are.
    ended = {replica.id for replica in containers.before.resumed().replicas if not replica.running}
    return tuple(replica for replica in state.of(name) if replica.id not in ended)


def _own(containers: Containers, watched: dict[str, tuple[Replica, ...]]) -> tuple[Replica, ...]:
    """Return those that the change started and that are meant to go on running."""
    return tuple(
        found
        for replicas in watched.values()
        for found in replicas
        if containers.health.started_here(found) and not _completed(containers, found)
    )


def _ready(containers: Containers, watched: dict[str, tuple[Replica, ...]]) -> dict[str, int]:
    return {
        name: sum(replica.ready or _completed(containers, replica) for replica in replicas)
        for name, replicas in watched.items()
    }


def _completed(containers: Containers, replica: Replica) -> bool:
    """Tell whether a container was made to end, and ended well: no replica, and nothing starts it again."""
    service = containers.stack.services[replica.service]
    return replica.ended_well and not service.scalable and service.restart in {"no", "on-failure"}


def _dependencies_healthy(containers: Containers, step: WaitDependency, progress: Progress) -> bool:
    late = _late(containers.observe(step.services), step)
    if late:
        note(progress, f"not healthy yet: {', '.join(late)}")
    return not late


def _late(state: State, step: WaitDependency) -> list[str]:
    return [name for name in step.services if not any(replica.ready for replica in state.of(name))]
