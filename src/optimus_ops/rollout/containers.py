"""The containers of one stack, as the steps of a change see them, and their health."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from optimus_ops.balancer.routing import Prober
from optimus_ops.change.options import Deadlines
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.stack.config_changes import StackInputs
from optimus_ops.system.output_masking import masked
from optimus_ops.system.wait import Clock, wait_until
from optimus_ops.text.console import Progress

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


LOG_LINES = 20
NOTE_LENGTH = 100


class ContainerFailed(OpsError):  # noqa: N818 - named as its base: what failed
    """A container ended, is unhealthy, or was not ready in time."""

    def __init__(self, reason: str, output: str) -> None:
        """Keep the reason apart from the output."""
        super().__init__(f"{reason}; its last output:\n{output}")
        self.reason = reason


@dataclass(frozen=True)
class Containers:
    """The containers of one stack during a change; `before` is what ran before the first step."""

    compose: Compose
    engine: Engine
    stack: Stack
    before: State
    deadlines: Deadlines
    prober: Prober = field(default_factory=Prober)

    @property
    def clock(self) -> Clock:
        """Return what tells the time."""
        return self.prober.clock

    @property
    def health(self) -> ReplicaHealth:
        """Return what tells the change's own containers from those that were there."""
        return ReplicaHealth(self.before)

    def observe(self, services: Collection[str] | None = None) -> State:
        """Observe all services, or some."""
        return self.engine.observe(self.compose.project.name, services)

    def wait_until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Call a predicate until it is true; False if it was not in time."""
        return wait_until(predicate, seconds, clock=self.clock)

    def new_replicas(self, state: State, service: str) -> tuple[Replica, ...]:
        """Return the containers of a service that were not there before the first step."""
        return tuple(replica for replica in state.of(service) if replica.id not in self.before.ids)

    def last_output(self, replica: Replica) -> str:
        """Return the last lines that a container wrote, indented."""
        return "\n".join(f"    {line}" for line in self.engine.logs(replica.id, tail=LOG_LINES)) or "    (nothing)"

    def failure(self, replica: Replica, condition: str) -> ContainerFailed:
        """Return the error that names a container, its condition and its last output."""
        return ContainerFailed(f"{replica.name} {condition}", self.last_output(replica))

    def record_configs(self, created: Iterable[Replica]) -> None:
        """Record which configuration and secrets containers were created with."""
        services = {replica.id: replica.service for replica in created}
        StackInputs.of(self.compose, self.stack).note(services, self.observe().ids)

    def record_reload(self, container: str, service: str) -> None:
        """Record that a container has read its mounted configuration again; all else is what it was created with."""
        StackInputs.of(self.compose, self.stack).note_reloaded(container, service, self.observe().ids)


def note(progress: Progress, text: str) -> None:
    """Keep the beginning of a text as a step's note."""
    progress.note = masked(text.strip())[:NOTE_LENGTH]
