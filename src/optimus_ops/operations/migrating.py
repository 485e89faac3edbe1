"""Running the migrations job once, to its end, and taking it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from optimus_ops.errors import OpsError
from optimus_ops.operations.containers import POLL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.operations.containers import Containers

STOP_SECONDS = 10.0


def migrate(containers: Containers, service: str, note: Callable[[str], None]) -> None:
    """Run the migrations job once, on the image that is wanted now.

    Raises:
        OpsError: it failed, or did not end in time; then it is removed, and the database lets go of its locks.
    """
    deadline = containers.deadlines.migrate
    containers.compose.up({service: 1}, existing="recreate", on_line=note)
    until = time.monotonic() + deadline
    while (job := containers.observe((service,)).of(service)[-1]).status != "exited":
        note(last_line(containers, job.id))
        if time.monotonic() >= until:
            # SIGTERM cancels its statement at once; what it says then belongs to the message.
            containers.docker.stop(job.id, seconds=STOP_SECONDS)
            said = containers.said(job)
            containers.docker.remove(job.id)
            raise OpsError(f"{service} did not end within {deadline:.0f} s and was ended; it said last:\n{said}")
        time.sleep(POLL_SECONDS)
    if job.exit_code != 0:
        said = containers.said(job)
        raise OpsError(f"{service} ended with {job.exit_code}; no replica was started. It said:\n{said}")
    note(last_line(containers, job.id))


def last_line(containers: Containers, container: str) -> str:
    """Return what a container wrote last."""
    return next(iter(reversed(containers.docker.logs(container, tail=1))), "")


def schema_in_use(containers: Containers, image: str) -> bool:
    """Tell whether replicas of an image ran before the first step: an undo has to give them their schema back."""
    services = containers.stack.services.values()
    return any(containers.before.running(service.name) for service in services if service.image == image)
