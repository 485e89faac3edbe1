"""Judging what a change started; what was there before its first step is none of its doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.engine.state import Replica, State

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
        return not any(then.id == replica.id and then.running for then in self.before.replicas)

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

    def unproven(self, replicas: Iterable[Replica]) -> frozenset[str]:
        """Return the hostnames of replicas of which no answer can be asked for, though one may come.

        Those are, of what the change did not start, the ones that are not well, and the ones that have served all the
        time: the balancer prefers whoever has less to do, and an open WebSocket is enough for that.
        """
        then = {replica.id: replica.started_at for replica in self.before.replicas if replica.ready}
        return frozenset(
            replica.hostname
            for replica in replicas
            if not self.is_own(replica)
            and (not replica.ready or (replica.id in then and then[replica.id] == replica.started_at))
        )
