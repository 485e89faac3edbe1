"""Going back to what was there before the first step; what served then serves throughout."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.engine.leftovers import remove_nameless
from optimus_ops.engine.pins import Pins, write_pins
from optimus_ops.engine.rollback_images import KeptImages
from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.model.state import short_id
from optimus_ops.plan.scale import going, routed
from optimus_ops.rollout.containers import POLL_SECONDS, each
from optimus_ops.system.atomic_write import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from optimus_ops.engine.compose import Compose
    from optimus_ops.engine.observe import Docker
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.state import Replica, State
    from optimus_ops.rollout.containers import Containers
    from optimus_ops.text.console import Progress


QUIET_SECONDS = 2.0
"""A container whose making was under way when its command ended appeared after 0.2 s on an idle engine."""


@dataclass(frozen=True)
class Baseline:
    """What was there before the first step.

    Args:
        state: the containers.
        volumes: names of the project's volumes.
        networks: names of its networks.
        images: name -> id of the stack's images.
        pins: what was pinned.
        files: the library's own small files that steps write, with their text (None: not there).
    """

    state: State
    volumes: frozenset[str]
    networks: frozenset[str]
    images: Mapping[str, str]
    pins: Pins
    files: Mapping[Path, str | None]


def observe_baseline(docker: Docker, compose: Compose, stack: Stack, files: tuple[Path, ...]) -> Baseline:
    """Return what is there before the first step.

    Args:
        docker: the engine.
        compose: the project's files.
        stack: what is wanted.
        files: the library's own small files that steps write.
    """
    project = compose.project.name
    return Baseline(
        state=docker.observe(project),
        volumes=frozenset(docker.volumes(project)),
        networks=frozenset(docker.networks(project)),
        images=docker.images(stack.images),
        pins=compose.pinned(),
        files={path: path.read_text("utf-8") if path.is_file() else None for path in files},
    )


def undo(
    before: Baseline,
    containers: Containers,
    progress: Progress,
    downgrade: Callable[[], tuple[str, ...]],
    *,
    unsettled: bool = False,
) -> tuple[str, ...]:
    """Start again what was stopped, then take away what was made; return what was undone, a line each.

    Args:
        before: what was there before the first step.
        containers: the project's containers.
        progress: told how far it is.
        downgrade: takes migrations back, where any were run; called while the new image still has its name.
        unsettled: whether a command that makes containers was cut short: the engine may still be at some of them.

    Raises:
        OpsError: something couldn't be put back.
    """
    wait_for_engine(containers, progress)
    check_way_back(before.state, containers.observe())
    started = _start_again(before, containers, progress)
    removed = take_away(before, containers, progress, quiet=QUIET_SECONDS if unsettled else 0.0)
    progress.note = f"{len(removed)} containers removed, {len(started)} started again"
    try:
        taken_back = downgrade()
    finally:
        # Also where the schema stays: what runs is the old version.
        names = _put_names_back(before, containers)
        rest = _remove_new_volumes_and_networks(before, containers)
    return (
        *(f"removed {replica.name}" for replica in removed),
        *(f"started {replica.name} again" for replica in started),
        *taken_back,
        *names,
        *rest,
    )


def check_way_back(before: State, now: State) -> None:
    """Refuse to take new replicas away where old ones are removed already: nobody would serve.

    Raises:
        OpsError: there is no way back any more.
    """
    gone = {replica.service for replica in before.replicas if replica.running and replica.id not in now.ids}
    stay = sorted({replica.service for replica in now.replicas if replica.id not in before.ids} & gone)
    if stay:
        raise OpsError(
            f"old replicas of {', '.join(stay)} are removed already; the new ones stay",
            "the same command again ends what is left",
        )


def wait_for_engine(containers: Containers, progress: Progress) -> None:
    """Wait for an engine that was restarted.

    Raises:
        MachineLacks: it doesn't come back in time.
    """
    until = time.monotonic() + containers.deadlines.engine
    while not containers.docker.answers():
        if time.monotonic() >= until:
            raise MachineLacks(f"the Docker engine did not come back within {containers.deadlines.engine:.0f} s")
        progress.show("waiting for the Docker engine")
        time.sleep(POLL_SECONDS)


def _start_again(before: Baseline, containers: Containers, progress: Progress) -> tuple[Replica, ...]:
    """Start what ran before and doesn't run now, and wait until it serves again; freeze again what was frozen."""
    was_running = {replica.id for replica in before.state.replicas if replica.running}
    now = containers.observe().replicas
    stopped = [replica for replica in now if replica.id in was_running and not replica.running]
    each(stopped, lambda replica: containers.docker.start(replica.id))
    frozen = {replica.id for replica in before.state.frozen}
    resumed = [replica for replica in now if replica.id in frozen and replica.running]
    each(resumed, lambda replica: containers.docker.pause(replica.id))
    until = time.monotonic() + containers.deadlines.healthy
    while stopped and time.monotonic() < until:
        state = containers.observe()
        waiting = [replica for replica in state.replicas if replica.id in was_running and not replica.ready]
        progress.note = f"{len(stopped)} started again, {len(waiting)} not healthy yet"
        if not waiting:
            break
        time.sleep(POLL_SECONDS)
    if stopped:
        # New ones leave only after the balancer has met the old ones again.
        services = {replica.service for replica in stopped}
        with contextlib.suppress(OpsError):
            names = [name for name in routed(containers.stack) if name in services]
            containers.verify(names, 0.0, lambda _text: None)
    return tuple(stopped)


def take_away(before: Baseline, containers: Containers, progress: Progress, *, quiet: float) -> tuple[Replica, ...]:
    """Drain the new containers that serve, then remove all new ones; return them.

    Args:
        before: what was there before the first step.
        containers: the project's containers.
        progress: told how far it is.
        quiet: seconds in which none may appear any more before it is done.
    """
    removed: dict[str, Replica] = {}
    until = time.monotonic() + quiet
    while True:
        there = containers.observe().replicas
        new = [found for found in there if found.id not in before.state.ids and found.id not in removed]
        # Healthy or not yet: the balancer finds whatever listens.
        serving = [replica for replica in new if replica.running and _drains(replica, before, containers.stack)]
        for service in dict.fromkeys(replica.service for replica in serving):
            victims = going(replica for replica in serving if replica.service == service)
            containers.stop(victims, containers.stack.services[service].stop_seconds, progress)
        each(new, lambda replica: containers.docker.remove(replica.id))
        removed.update((replica.id, replica) for replica in new)
        if new:
            until = time.monotonic() + quiet
        if time.monotonic() >= until:
            return tuple(removed.values())
        time.sleep(POLL_SECONDS)


def _drains(replica: Replica, before: Baseline, stack: Stack) -> bool:
    """Tell whether somebody may be using a new replica: not where nothing of its service ran before."""
    return replica.service in stack.scalable and bool(before.state.running(replica.service))


def _put_names_back(before: Baseline, containers: Containers) -> tuple[str, ...]:
    """Give names of images back to the images that had them, and put pins and notes back."""
    docker, compose = containers.docker, containers.compose
    now = docker.images(before.images)
    moved = [name for name, image in before.images.items() if now.get(name) != image]
    done = []
    for name in moved:
        with contextlib.suppress(OpsError):
            docker.tag(before.images[name], name)
            done.append(f"{name} is {short_id(before.images[name])} again")
    # What had the names meanwhile would stay without one.
    remove_nameless(docker, [now[name] for name in moved if name in now])
    done.extend(_forget_kept(before, containers))
    if compose.pinned() != before.pins:
        write_pins(compose.pins_file, before.pins)
        done.append("put pins back")
    for path, text in before.files.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_private(path, text)
    return tuple(done)


def _forget_kept(before: Baseline, containers: Containers) -> Iterator[str]:
    """Take the names away that images were kept under by a change that is undone."""
    kept = KeptImages.of(containers.compose.project)
    then = kept.parse(before.files.get(kept.path) or "")
    services = containers.stack.services
    for service, images in kept.read().items():
        for image in images if service in services else ():
            name = kept.name_of(services[service].image, image)
            if image not in then.get(service, ()):
                with contextlib.suppress(OpsError):
                    containers.docker.untag(name)
                    yield f"no longer keeps {service}'s image {short_id(image)}"


def _remove_new_volumes_and_networks(before: Baseline, containers: Containers) -> tuple[str, ...]:
    docker, project = containers.docker, containers.compose.project.name
    volumes = [volume for volume in docker.volumes(project) if volume not in before.volumes]
    for volume in volumes:
        docker.remove_volume(volume)
    networks = [network for network in docker.networks(project) if network not in before.networks]
    for network in networks:
        docker.remove_network(network)
    return (*(f"removed volume {volume}" for volume in volumes), *(f"removed network {name}" for name in networks))
