"""Replicas of the model: they start, serve up to their slots, drain and end; whoever is paid for is counted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SimulatedReplica:
    """A replica: it serves from `ready_at` on; once it drains it takes nothing new, and stays until `leaves_at`."""

    started: float
    ready_at: float
    busy: int = 0
    draining: bool = False
    leaves_at: float = 0.0
    ended: float | None = None

    def serves(self, now: float) -> bool:
        """Tell whether it takes requests."""
        return self.ready_at <= now and not self.draining and self.ended is None


@dataclass
class Cluster:
    """The replicas of a service."""

    slots: int
    start_up: float
    leaving: float = 0.0
    replicas: list[SimulatedReplica] = field(default_factory=list)

    def ready(self, now: float) -> list[SimulatedReplica]:
        """Return those that take requests."""
        return [found for found in self.replicas if found.serves(now)]

    def starting(self, now: float) -> int:
        """Return how many are about to."""
        return sum(found.ready_at > now and found.ended is None and not found.draining for found in self.replicas)

    def draining(self) -> int:
        """Return how many end their requests."""
        return sum(found.draining and found.ended is None for found in self.replicas)

    def paid(self) -> int:
        """Return how many run, whatever they do."""
        return sum(found.ended is None for found in self.replicas)

    def busy(self) -> int:
        """Return the requests that are served."""
        return sum(found.busy for found in self.replicas if found.ended is None)

    def free(self, now: float) -> SimulatedReplica | None:
        """Return the replica with the fewest requests that has a free slot."""
        chosen = None
        for found in self.replicas:
            if found.busy < self.slots and found.serves(now) and (chosen is None or found.busy < chosen.busy):
                chosen = found
        return chosen

    def resize(self, wanted: int, now: float) -> None:
        """Start replicas, or let the youngest drain."""
        there = [found for found in self.replicas if found.ended is None and not found.draining]
        self.replicas += [SimulatedReplica(now, now + self.start_up) for _ in range(wanted - len(there))]
        for found in there[: wanted - len(there) - 1 : -1] if wanted < len(there) else []:
            found.draining, found.leaves_at = True, now + self.leaving
            self.end_if_idle(found, now)

    def end_if_idle(self, replica: SimulatedReplica, now: float) -> None:
        """End a replica that drains, has no request any more, and is not still taking leave."""
        if replica.draining and not replica.busy and replica.ended is None and now >= replica.leaves_at:
            replica.ended = now

    def end_idle(self, now: float) -> None:
        """End all that have drained."""
        for found in self.replicas:
            self.end_if_idle(found, now)

    def replica_seconds(self, end: float) -> float:
        """Return the time for which all replicas ran until the end."""
        return sum(min(end if found.ended is None else found.ended, end) - found.started for found in self.replicas)
