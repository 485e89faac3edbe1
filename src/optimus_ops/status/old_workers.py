"""nginx workers that a reload left behind: each serves on until the last of its connections ends.

Source: https://nginx.org/en/docs/control.html#reconfiguration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.errors import DockerException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optimus_ops.model.state import Replica, State

PROCESS_TITLE = "nginx: worker process is shutting down"


def count_old_workers(processes: Mapping[str, Any]) -> int:
    """Count them in what `GET /containers/{id}/top` answers."""
    return sum(any(PROCESS_TITLE in column for column in process) for process in processes.get("Processes") or ())


def old_workers(api: Any, state: State, balancer: str | None) -> dict[str, int]:
    """Return service -> how many old workers its nginx has; services without any are left out.

    Args:
        api: the engine's client. A container that it can't look into counts as one without.
        state: what runs.
        balancer: the service that is nginx whatever its image is called.
    """
    counts: dict[str, int] = {}
    for replica in state.replicas:
        if replica.running and (replica.service == balancer or "nginx" in replica.image):
            counts[replica.service] = counts.get(replica.service, 0) + _count(api, replica)
    return {service: count for service, count in counts.items() if count}


def _count(api: Any, replica: Replica) -> int:
    try:
        return count_old_workers(api.top(replica.id))
    except (DockerException, OSError):
        return 0
