"""Running a job once, to its end."""

from __future__ import annotations

from functools import partial

from optimus_ops.errors import OpsError
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.steps import Migrate, RunJob
from optimus_ops.rollout.containers import ContainerFailed, Containers
from optimus_ops.rollout.start import create_job
from optimus_ops.text.console import Progress

STOP_SECONDS = 10.0


def run_job(containers: Containers, step: RunJob | Migrate, progress: Progress) -> None:
    """Run a job once, on the image and definition that are wanted now; one that isn't required may end badly.

    Raises:
        OpsError: it failed, or did not end in time; then it is removed, so that a database lets go of its locks.
    """
    service, seconds = step.service, containers.deadlines.migrate
    container = create_job(containers, service, progress)
    if not containers.wait_until(partial(_ended, containers, service, container, progress), seconds):
        job = _find(containers, service, container)
        # SIGTERM cancels the statement of a migration at once; what it writes then belongs to the message.
        containers.engine.stop(container, seconds=STOP_SECONDS)
        output = containers.last_output(job)
        containers.engine.remove(container)
        raise ContainerFailed(f"{service} did not end within {seconds:.0f} s and was ended", output)
    job, last = _find(containers, service, container), _last_line(containers, container) or "(no output)"
    if job.exit_code == 0:
        progress.note = f"ended with 0: {last}"
    elif getattr(step, "required", True):
        raise OpsError(
            f"{service} ended with {job.exit_code}; nothing that waits for it was started."
            f" Its output:\n{containers.last_output(job)}"
        )
    else:
        progress.note = f"ended with {job.exit_code}: {last}; what waits for it starts without (required: false)"


def schema_users(stack: Stack, state: State) -> tuple[Replica, ...]:
    """Return the running replicas of the migrations job's image: an undo has to give them their schema back."""
    image = stack.services[stack.migrations].image if stack.migrations else ""
    names = [service.name for service in stack.services.values() if service.image == image]
    return tuple(replica for name in names if name != stack.migrations for replica in state.running(name))


def _ended(containers: Containers, service: str, container: str, progress: Progress) -> bool:
    if not _find(containers, service, container).occupied:
        return True
    progress.show(_last_line(containers, container))
    return False


def _find(containers: Containers, service: str, container: str) -> Replica:
    for replica in containers.observe((service,)).of(service):
        if replica.id == container:
            return replica
    raise OpsError(f"{service} was removed while it ran", "not by this change: whether it did its work is not known")


def _last_line(containers: Containers, container: str) -> str:
    return next(iter(reversed(containers.engine.logs(container, tail=1))), "")
