"""Running a job once, to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError
from optimus_ops.rollout.containers import POLL_SECONDS

if TYPE_CHECKING:
    from optimus_ops.model.state import Replica
    from optimus_ops.rollout.containers import Containers
    from optimus_ops.text.console import Progress

STOP_SECONDS = 10.0


def run_job(containers: Containers, service: str, progress: Progress, *, required: bool = True) -> None:
    """Run a job once, on the image and definition that are wanted now.

    Args:
        containers: the project's containers.
        service: the job.
        progress: told what it says, and how it ended.
        required: whether it has to end with 0; else that it didn't is told, and no more.

    Raises:
        OpsError: it failed, or did not end in time; then it is removed, and a database lets go of its locks.
    """
    deadline = containers.deadlines.migrate
    container = containers.start_job(service, progress.show)
    until = time.monotonic() + deadline
    while (job := _found(containers, service, container)).occupied:
        progress.show(last_line(containers, container))
        if time.monotonic() >= until:
            # SIGTERM cancels the statement of a migration at once; what it says then belongs to the message.
            containers.docker.stop(container, seconds=STOP_SECONDS)
            said = containers.said(job)
            containers.docker.remove(container)
            raise OpsError(f"{service} did not end within {deadline:.0f} s and was ended; it said last:\n{said}")
        time.sleep(POLL_SECONDS)
    last = last_line(containers, container) or "(it said nothing)"
    if job.exit_code != 0 and not required:
        progress.note = f"ended with {job.exit_code}: {last}; what waits for it starts without (required: false)"
        return
    if job.exit_code != 0:
        said = containers.said(job)
        raise OpsError(f"{service} ended with {job.exit_code}; nothing that waits for it was started. It said:\n{said}")
    progress.note = f"ended with 0: {last}"


def _found(containers: Containers, service: str, container: str) -> Replica:
    for replica in containers.observe((service,)).of(service):
        if replica.id == container:
            return replica
    raise OpsError(f"{service} was removed while it ran", "somebody else did: whether it did its work is not known")


def last_line(containers: Containers, container: str) -> str:
    """Return what a container wrote last."""
    return next(iter(reversed(containers.docker.logs(container, tail=1))), "")
