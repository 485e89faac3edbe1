"""Going back to the baseline; what served then serves throughout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from optimus_ops.change.undo_stack import UndoFailed
from optimus_ops.engine.errors import EngineRefused
from optimus_ops.engine.leftovers import remove_nameless
from optimus_ops.engine.pins import write_pins
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.state import Replica, State, short_id
from optimus_ops.plan.stop import refs
from optimus_ops.rollout.baseline import Baseline
from optimus_ops.rollout.containers import Containers
from optimus_ops.rollout.routing_check import check_services
from optimus_ops.rollout.stop import drain
from optimus_ops.system.wait import run_parallel
from optimus_ops.text.console import Progress

REMOVED = frozenset({"removing", "dead"})
QUIET_SECONDS = 2.0
"""A container whose creation was under way when its command ended appeared after 0.2 s on an idle engine."""


def undo(
    baseline: Baseline,
    containers: Containers,
    progress: Progress,
    downgrade: Callable[[], Iterator[str]],
    *,
    creating: bool = False,
) -> tuple[str, ...]:
    """Start again what was stopped, then remove what was created; return what was undone, a line each.

    An action that fails stops no other one. `downgrade` takes migrations back while the new image still has its name;
    `creating` says that a command that creates containers was cut short: the engine may still be at it.

    Raises:
        UndoFailed: some actions failed.
        OpsError: the engine is gone, or there is no way back any more.
    """
    wait_for_engine(containers, progress)
    check_reversible(baseline.state, containers.observe())
    failures: list[str] = []
    restarted = _attempt(restart_stopped(baseline, containers, progress), failures)
    quiet = QUIET_SECONDS if creating else 0.0
    removed = _attempt(remove_created(containers, progress, quiet=quiet), failures)
    progress.note = f"{len(removed)} containers removed, {len(restarted)} started again"
    others = (
        downgrade(),
        # Also where the schema stays: what runs is the old version.
        restore_image_names(baseline, containers),
        restore_kept(baseline, containers),
        restore_pins(baseline, containers),
        _remove_volumes(baseline, containers),
        _remove_networks(baseline, containers),
    )
    undone = (*removed, *restarted, *(line for action in others for line in _attempt(action, failures)))
    if failures:
        raise UndoFailed(undone, tuple(failures))
    return undone


def _attempt(action: Iterator[str], failures: list[str]) -> list[str]:
    """Run an action to its end or its failure; return the lines of what it undid."""
    undone: list[str] = []
    try:
        undone.extend(action)
    except OpsError as error:
        failures.append(error.message)
    return undone


def wait_for_engine(containers: Containers, progress: Progress) -> None:
    """Wait for an engine that is restarted."""
    seconds = containers.deadlines.engine
    if not containers.wait_until(partial(_answers, containers, progress), seconds):
        raise MissingPrerequisite(f"the Docker engine did not come back within {seconds:.0f} s")


def _answers(containers: Containers, progress: Progress) -> bool:
    if containers.engine.answers():
        return True
    progress.show("waiting for the Docker engine")
    return False


def check_reversible(before: State, now: State) -> None:
    """Refuse to remove new replicas where old ones are removed already: none would serve."""
    gone = {replica.service for replica in _removed(before, now)}
    stay = sorted({replica.service for replica in now.replicas if replica.id not in before.ids} & gone)
    if stay:
        raise OpsError(
            f"old replicas of {', '.join(stay)} are removed already; the new ones stay",
            "the same command again ends what is left",
        )


def restart_stopped(baseline: Baseline, containers: Containers, progress: Progress) -> Iterator[str]:
    """Start what ran before and is stopped, freeze again what was frozen, and wait until it serves again."""
    was_running = {replica.id for replica in baseline.state.replicas if replica.running}
    now = containers.observe()
    here = [found for found in now.replicas if found.status not in REMOVED]
    stopped = [found for found in here if found.id in was_running and not found.running]
    try:
        run_parallel(containers.engine.start, [replica.id for replica in stopped])
    finally:
        frozen = {replica.id for replica in baseline.state.frozen}
        run_parallel(containers.engine.pause, [found.id for found in here if found.id in frozen and found.running])
    if stopped:
        yield from _serving_again(containers, stopped, progress)
    gone = [found.name for found in _removed(baseline.state, now) if found.service not in containers.stack.jobs]
    if gone:
        raise OpsError(f"removed already: {', '.join(gone)}; to start anew: invoke up")


def _removed(before: State, now: State) -> tuple[Replica, ...]:
    """Return what ran before and is removed, or being removed."""
    here = {replica.id for replica in now.replicas if replica.status not in REMOVED}
    return tuple(replica for replica in before.replicas if replica.running and replica.id not in here)


def _serving_again(containers: Containers, stopped: Sequence[Replica], progress: Progress) -> Iterator[str]:
    """Wait until what was started again is healthy, and the balancer has met it."""
    ready = partial(_ready_again, containers, stopped, progress)
    containers.wait_until(ready, containers.deadlines.healthy)
    # New ones leave only after the balancer has met the old ones again.
    services = {replica.service for replica in stopped}
    with contextlib.suppress(OpsError):
        check_services(containers, [name for name in containers.stack.routed if name in services], 0.0)
    yield from (f"started {replica.name} again" for replica in stopped)


def _ready_again(containers: Containers, stopped: Sequence[Replica], progress: Progress) -> bool:
    ids = {replica.id for replica in stopped}
    waiting = [replica for replica in containers.observe().replicas if replica.id in ids and not replica.ready]
    progress.note = f"{len(stopped)} started again, {len(waiting)} not healthy yet"
    return not waiting


def remove_created(containers: Containers, progress: Progress, *, quiet: float = 0.0) -> Iterator[str]:
    """Drain and remove the containers that the change created, until none appears for `quiet` seconds."""
    removed: set[str] = set()
    clock = containers.clock
    until = clock.monotonic() + quiet
    while True:
        state = containers.observe()
        deserted = _deserted(containers, state)
        new = [
            found
            for found in state.replicas
            if found.id not in containers.before.ids | removed and found.service not in deserted
        ]
        _drain(containers, new, progress)
        run_parallel(containers.engine.remove, [found.id for found in new])
        removed |= {found.id for found in new}
        yield from (f"removed {found.name}" for found in new)
        if new:
            until = clock.monotonic() + quiet
        if clock.monotonic() >= until:
            break
        clock.sleep(0.1)
    if deserted:
        raise OpsError(f"new replicas of {', '.join(sorted(deserted))} stay: the old ones could not be started again")


def _deserted(containers: Containers, state: State) -> set[str]:
    """Return the services that ran before, of which only new containers run now."""
    before = {replica.service for replica in containers.before.replicas if replica.running}
    still = {replica.service for replica in state.replicas if replica.running and replica.id in containers.before.ids}
    new = {replica.service for replica in state.replicas if replica.running and replica.id not in containers.before.ids}
    return (before - still) & new


def _drain(containers: Containers, new: Iterable[Replica], progress: Progress) -> None:
    """Stop new replicas that may be in use: where nothing of their service ran before, none is."""
    # Healthy or not yet: the balancer finds whatever listens.
    used = [
        replica
        for replica in new
        if replica.running
        and replica.service in containers.stack.scalable
        and containers.before.running(replica.service)
    ]
    for service in dict.fromkeys(replica.service for replica in used):
        leaving = refs(replica for replica in used if replica.service == service)
        seconds = containers.stack.services[service].stop_seconds
        drain(containers, leaving, seconds, progress)


def _remove_volumes(baseline: Baseline, containers: Containers) -> Iterator[str]:
    for volume in containers.engine.volumes(containers.compose.project.name):
        if volume not in baseline.volumes:
            containers.engine.remove_volume(volume)
            yield f"removed volume {volume}"


def _remove_networks(baseline: Baseline, containers: Containers) -> Iterator[str]:
    for network in containers.engine.networks(containers.compose.project.name):
        if network not in baseline.networks:
            containers.engine.remove_network(network)
            yield f"removed network {network}"


def restore_image_names(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Give names back to the images that had them, and remove what had them meanwhile."""
    engine = containers.engine
    now = engine.images(baseline.images)
    moved = [name for name, image in baseline.images.items() if now.get(name) != image]
    for name in moved:
        with contextlib.suppress(OpsError):
            engine.tag(baseline.images[name], name)
            yield f"{name} is {short_id(baseline.images[name])} again"
    # What had the names meanwhile would stay without one.
    remove_nameless(engine, [now[name] for name in moved if name in now])


def restore_kept(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Remove the names under which the change kept images for a rollback, and forget them.

    A name that can't be removed stays in the file, so that it goes with the oldest ones some day.
    """
    kept = KeptImages.of(containers.compose.project)
    left: dict[str, list[str]] = {}
    for name, (service, image) in kept.names(containers.stack).items():
        if name in baseline.images:
            continue
        try:
            containers.engine.untag(name)
        except EngineRefused:
            # It is its last name, and something runs on it.
            left.setdefault(service, []).append(image)
        else:
            yield f"no longer keeps {service}'s image {short_id(image)}"
    kept.restore(baseline.kept, left)


def restore_pins(baseline: Baseline, containers: Containers) -> Iterator[str]:
    """Write pins as they were."""
    if containers.compose.pinned() != baseline.pins:
        write_pins(containers.compose.pins_file, baseline.pins)
        yield "put pins back"
