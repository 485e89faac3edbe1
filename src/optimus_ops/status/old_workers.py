"""nginx workers that a reload left behind: each serves on until the last of its connections ends.

Source: https://nginx.org/en/docs/control.html#reconfiguration
"""

from __future__ import annotations

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica, State

PROCESS_TITLE = "nginx: worker process is shutting down"


def old_workers(engine: Engine, state: State, balancer: str | None) -> dict[str, int]:
    """Return service -> number of old workers of its nginx, which the balancer is whatever its image is called.

    A container whose processes can't be listed has none.
    """
    counts: dict[str, int] = {}
    for replica in state.replicas:
        if replica.running and (replica.service == balancer or "nginx" in replica.image):
            counts[replica.service] = counts.get(replica.service, 0) + _count(engine, replica)
    return {service: count for service, count in counts.items() if count}


def _count(engine: Engine, replica: Replica) -> int:
    try:
        return sum(PROCESS_TITLE in process for process in engine.processes(replica.id))
    except OpsError:
        return 0
