"""Creating and starting containers: replicas anew, everything else as it was left, a job for one run."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optimus_ops.model.state import Replica, State
from optimus_ops.plan.order import needed_by
from optimus_ops.plan.steps import Start
from optimus_ops.rollout.containers import Containers
from optimus_ops.system.wait import run_parallel
from optimus_ops.text.console import Progress


def start(containers: Containers, step: Start, progress: Progress) -> None:
    """Start containers until each service has its count running; what runs is left alone."""
    if step.replicas:
        _start_replicas(containers, step, progress)
    else:
        _start_others(containers, dict(step.counts), progress)


def create_job(containers: Containers, service: str, progress: Progress) -> str:
    """Create and start a job in place of its last run; return the container's id.

    Created as plain Compose would, its digest later tells whether its definition changed.
    """
    for former in containers.observe((service,)).of(service):
        if former.occupied:
            # Left running by a change that was killed.
            containers.engine.stop(former.id, seconds=former.stop_seconds)
        containers.engine.remove(former.id)
    created = _create(containers, {service: 1}, progress)
    return next(container.id for container in created if container.service == service)


def _start_replicas(containers: Containers, step: Start, progress: Progress) -> None:
    """Create replicas for those that are missing."""
    # Compose tries to start whatever it finds in such a state, also where it shall only create.
    _finish_removals(containers, containers.observe())
    state = containers.observe()
    missing = {
        name: count - len({found.id for found in state.running(name)} - {*step.ended} | {*step.leaving})
        for name, count in step.counts
    }
    more = {name: len(state.of(name)) + number for name, number in missing.items() if number > 0}
    if more:
        _create(containers, more, progress)


def _start_others(containers: Containers, counts: Mapping[str, int], progress: Progress) -> None:
    """Start what ended again, or create it anew where its definition changed."""
    _finish_removals(containers, containers.observe(counts))
    state = containers.observe()
    fresh = {name: count for name, count in counts.items() if not state.of(name)}
    idle = {name: count for name, count in counts.items() if name not in fresh and not state.running(name)}
    busy = {name: count for name, count in counts.items() if state.running(name)}
    if fresh:
        _create(containers, fresh, progress)
    if idle:
        _restart_crashing(containers, idle)
        containers.compose.up(idle, existing="replace", on_line=progress.show)
    if busy:
        # Replacing would take what runs as well.
        containers.compose.up(busy, existing="keep", on_line=progress.show)
    containers.record_configs(_new_since(containers, state))


def _create(containers: Containers, counts: Mapping[str, int], progress: Progress) -> tuple[Replica, ...]:
    """Create containers until each service has its count, as Compose does, and start them; return the new ones."""
    state = containers.observe()
    needed = frozenset[str]().union(*(needed_by(containers.stack, name) for name in counts)) - counts.keys()
    others = {name: len(state.of(name)) for name in needed if state.of(name)}
    containers.compose.create(counts, others, on_line=progress.show)
    created = _new_since(containers, state)
    containers.record_configs(created)
    # A job that others wait for has a step of its own.
    waited_for = containers.stack.jobs - counts.keys()
    run_parallel(containers.engine.start, [found.id for found in created if found.service not in waited_for])
    return created


def _new_since(containers: Containers, state: State) -> tuple[Replica, ...]:
    return tuple(replica for replica in containers.observe().replicas if replica.id not in state.ids)


def _finish_removals(containers: Containers, state: State) -> None:
    """Wait for removals under way, and remove what the engine could not: neither can be started."""
    stuck = [replica.id for replica in state.replicas if replica.status in {"removing", "dead"}]
    run_parallel(containers.engine.remove, stuck)


def _restart_crashing(containers: Containers, names: Collection[str]) -> None:
    """Start at once what the engine would start again only after a pause."""
    for replica in containers.observe(names).replicas:
        if replica.status == "restarting" or replica.crashing:
            containers.engine.restart(replica.id, seconds=replica.stop_seconds)
