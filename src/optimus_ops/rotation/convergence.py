"""Waiting until every replica uses the values of now; services that don't get there are replaced, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica, State
from optimus_ops.rotation.context import RotationContext
from optimus_ops.rotation.in_use import FINGERPRINT_KEY, Readers, Wanted, uses, wanted_fingerprints
from optimus_ops.rotation.replacement import replace_services
from optimus_ops.secrets.value import Secret
from optimus_ops.stack.context import StackContext
from optimus_ops.system.wait import run_parallel, wait_until
from optimus_ops.text.console import Progress

AGREE_SECONDS = 30.0
"""Services read changed files about once a second, and take a missing one for gone after three."""
POLL_SECONDS = 0.5
Replace = Callable[[StackContext, Sequence[str], Progress], None]


@dataclass(frozen=True)
class StackReplicas:
    """The replicas that an engine lists.

    Args:
        seconds: for which they may take to agree, before and after those that don't are replaced.
        replace: replaces services, as `invoke deploy --force` does.
    """

    context: RotationContext
    stack: StackContext
    seconds: float = AGREE_SECONDS
    replace: Replace = replace_services

    def converge(self, values: Mapping[str, Secret], progress: Progress, *, trust_started: bool = False) -> None:
        """Return when every process of every replica that reads these keys uses these values.

        Raises:
            OpsError: some don't, although their services were replaced.
        """
        readers = self._readers(values)
        poll = _Poll(self, readers, self._wanted(values), trust_started=trust_started or not self._reporting)
        if self._agrees(poll, progress):
            return
        services = tuple(dict.fromkeys(service for service, _name, _reason in poll.late))
        progress.note = f"replacing {', '.join(services)}: {poll.told}"
        poll.started_after = self.stack.docker.now()
        self.replace(self.stack, services, progress)
        if not self._agrees(poll, progress):
            raise OpsError(
                f"not every replica uses the values of now, also after {', '.join(services)} were replaced:"
                f" {poll.told}",
                "is the image of a version that reports what it uses? Look at: invoke status",
            )

    def _agrees(self, poll: _Poll, progress: Progress) -> bool:
        return wait_until(lambda: poll(progress), self.seconds, poll=POLL_SECONDS, clock=self.context.clock)

    def _readers(self, values: Mapping[str, Secret]) -> Readers:
        wanted, _state = self.stack.observe()
        return Readers.of(wanted.stack, self.stack.project.secrets, self.context.entries, tuple(values))

    @property
    def _reporting(self) -> bool:
        """Whether the schema has what services need to report anything."""
        return FINGERPRINT_KEY in self.context.entries

    def _wanted(self, values: Mapping[str, Secret]) -> Wanted:
        key = self.context.values().get(FINGERPRINT_KEY) or Secret("")
        return wanted_fingerprints(values, key)


@dataclass
class _Poll:
    """One look at all replicas after the other.

    Args:
        late: service, replica and what is wrong with it, as of the last look.
        started_after: replicas that were started since then have read the files of now; None before any is replaced.
    """

    replicas: StackReplicas
    readers: Readers
    wanted: Wanted
    trust_started: bool = False
    late: tuple[tuple[str, str, str], ...] = ()
    started_after: datetime | None = None

    def __call__(self, progress: Progress) -> bool:
        """Look once: true if all agree, and no other replica came meanwhile."""
        before = self._observe()
        listed = [found for found in before.replicas if found.occupied or found.status == "created"]
        answers = run_parallel(self._ask, listed) if listed else []
        self.late = tuple(
            (found.service, found.name, said) for found, said in zip(listed, answers, strict=True) if said
        )
        agreeing = len(listed) - len(self.late)
        progress.note = f"{agreeing} of {len(listed)} replicas" + (f"; {self.told}" if self.late else "")
        return not self.late and self._observe().ids <= before.ids

    @property
    def told(self) -> str:
        """What is wrong, of the first few."""
        texts = [f"{name} {said}" for _service, name, said in self.late[:3]]
        return "; ".join([*texts, *([f"and {len(self.late) - 3} more"] if len(self.late) > 3 else [])])

    def _observe(self) -> State:
        return self.replicas.stack.docker.observe(self.replicas.stack.project.name, tuple(self.readers.keys))

    def _ask(self, replica: Replica) -> str:
        keys = self.readers.keys[replica.service]
        said = uses(self.replicas.stack.docker, replica, {key: self.wanted[key] for key in keys})
        return "" if said and self._started_since(replica) else said

    def _started_since(self, replica: Replica) -> bool:
        if not self.trust_started or self.started_after is None or replica.started_at is None or not replica.ready:
            return False
        return replica.started_at >= self.started_after
