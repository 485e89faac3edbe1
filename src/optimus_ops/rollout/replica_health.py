"""Judging what a change started; what was there before its first step is none of its doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.model.state import Replica, State

HOPELESS = frozenset({"exited", "dead", "removing", "restarting"})


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells a change's own containers from those that were there, and whether they are well.

    Args:
        before: what was there before the first step.
    """

    before: State

    def is_own(self, replica: Replica) -> bool:
        """Tell whether the change started a container: it made it, or it did not run before."""
        return not any(then.id == replica.id and then.running for then in self.before.resumed().replicas)

    def failed(self, replicas: Iterable[Replica]) -> tuple[Replica, ...]:
        """Return those that will not become healthy by waiting: ended, dead, restarted or unhealthy."""
        return tuple(
            replica
            for replica in replicas
            if replica.status in HOPELESS or replica.health == "unhealthy" or self.restarts(replica)
        )

    def restarts(self, replica: Replica) -> int:
        """Return how often the engine has started a container again since the first step.

        The engine counts from 0 after each start by hand.
        """
        then = next((former.restarts for former in self.before.replicas if former.id == replica.id), 0)
        return replica.restarts - then if replica.restarts >= then else replica.restarts

    def unwell(self, replicas: Iterable[Replica]) -> frozenset[str]:
        """Return the hostnames of those that the change did not start and that are not well."""
        return frozenset(found.hostname for found in replicas if not found.ready and not self.is_own(found))

    def serving_before(self, replicas: Iterable[Replica]) -> frozenset[str]:
        """Return the hostnames of those that have served since before the first step.

        No answer can be asked of them, though one may come: the balancer prefers whoever has less to do, and an open
        WebSocket is enough for that.
        """
        then = {replica.id: replica.started_at for replica in self.before.replicas if replica.ready}
        return frozenset(
            found.hostname
            for found in replicas
            if found.ready and found.id in then and then[found.id] == found.started_at
        )
