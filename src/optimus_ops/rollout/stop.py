"""Stopping, restarting, resuming and removing containers, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import as_completed
from functools import partial

from optimus_ops.plan.step import ContainerRef
from optimus_ops.plan.steps import Remove, RemoveNetwork, Restart, Resume, Stop
from optimus_ops.rollout.containers import Containers, note
from optimus_ops.system.wait import parallel_calls, run_parallel
from optimus_ops.text.console import Progress

# Health checks come every 30 s if nothing else is said.
RESUME_SECONDS = 40.0


def stop(containers: Containers, step: Stop, progress: Progress) -> None:
    """Stop containers, each of which drains."""
    drain(containers, step.containers, step.seconds, progress)


def drain(containers: Containers, leaving: Sequence[ContainerRef], seconds: float, progress: Progress) -> None:
    """Stop containers at the same time; complain of those that did not end within `seconds` by themselves.

    There is no complaint about what served nobody: what was unhealthy before, and services that no file has.
    """
    served = {
        replica.id
        for replica in containers.before.replicas
        if replica.health != "unhealthy" and replica.service in containers.stack.services
    }
    draining = {found.name for found in leaving}
    began = containers.clock.monotonic()
    progress.note = f"draining: {', '.join(sorted(draining))}"
    with parallel_calls(lambda found: containers.engine.stop(found.container, seconds=seconds), leaving) as calls:
        stopping = dict(zip(calls, leaving, strict=True))
        for stopped in as_completed(stopping):
            found = stopping[stopped]
            if not stopped.result() and found.container in served:
                progress.complaints.append(_killed(found.name, containers.clock.monotonic() - began, seconds))
            draining.discard(found.name)
            left = ", ".join(sorted(draining))
            progress.note = f"draining: {left}" if left else f"{len(leaving)} stopped"


def restart(containers: Containers, step: Restart, _progress: Progress) -> None:
    """Restart containers in place."""
    run_parallel(partial(containers.engine.restart, seconds=step.seconds), _ids(step))


def remove(containers: Containers, step: Remove, _progress: Progress) -> None:
    """Remove containers."""
    run_parallel(containers.engine.remove, _ids(step))


def remove_network(containers: Containers, step: RemoveNetwork, _progress: Progress) -> None:
    """Remove a network."""
    containers.engine.remove_network(step.network)


def resume(containers: Containers, step: Resume, progress: Progress) -> None:
    """Unfreeze containers, and give them the time of a health check: theirs failed meanwhile."""
    run_parallel(containers.engine.unpause, _ids(step))
    containers.wait_until(partial(_resumed, containers, step, progress), RESUME_SECONDS)


def _resumed(containers: Containers, step: Resume, progress: Progress) -> bool:
    ready = {replica.id for replica in containers.observe().replicas if replica.ready}
    late = [resumed.name for resumed in step.containers if resumed.container not in ready]
    note(progress, f"not healthy yet: {', '.join(late)}" if late else "healthy")
    return not late


def _ids(step: Remove | Restart | Resume) -> list[str]:
    return [found.container for found in step.containers]


def _killed(name: str, after: float, seconds: float) -> str:
    if after >= seconds:
        return f"{name} did not drain within {seconds:.0f} s and was killed; what it had in flight is cut"
    return f"{name} was killed after {after:.0f} s, while it drained; what it had in flight is cut"
