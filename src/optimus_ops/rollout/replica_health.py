"""Health of a change's own containers; what was there before its first step is not its doing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optimus_ops.model.state import Replica, State

HOPELESS = frozenset({"exited", "dead", "removing", "restarting"})


@dataclass(frozen=True, slots=True)
class ReplicaHealth:
    """Tells the containers that a change started from those that ran before it, and which of them failed."""

    before: State

    def started_here(self, replica: Replica) -> bool:
        """Tell whether the change started a container: it created it, or it did not run before."""
        return not any(former.id == replica.id and former.running for former in self.before.resumed().replicas)

    def failed(self, replicas: Iterable[Replica]) -> tuple[Replica, ...]:
        """Return those that will not become healthy by waiting: ended, dead, restarted or unhealthy."""
        return tuple(
            replica
            for replica in replicas
            if replica.status in HOPELESS or replica.health == "unhealthy" or self.restarts(replica)
        )

    def restarts(self, replica: Replica) -> int:
        """Count the restarts of a container since the first step; the engine counts from 0 after a start by hand."""
        former = next((found.restarts for found in self.before.replicas if found.id == replica.id), 0)
        return replica.restarts - former if replica.restarts >= former else replica.restarts

    def unwell(self, replicas: Iterable[Replica]) -> frozenset[str]:
        """Return the hostnames of those that the change did not start and that are not ready."""
        return frozenset(found.hostname for found in replicas if not found.ready and not self.started_here(found))

    def serving_before(self, replicas: Iterable[Replica]) -> frozenset[str]:
        """Return the hostnames of those that have served since before the first step.

        No answer can be required of them: the balancer prefers the least busy, and one open WebSocket makes one busier.
        """
        ready = {replica.id: replica.started_at for replica in self.before.replicas if replica.ready}
        return frozenset(
            found.hostname
            for found in replicas
            if found.ready and found.id in ready and ready[found.id] == found.started_at
        )
