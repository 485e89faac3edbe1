"""Differences between what runs and what would be started now, and the command that applies each."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from optimus_ops.model.stack import Stack
from optimus_ops.model.state import Replica, State
from optimus_ops.plan.inputs import ObservedInputs
from optimus_ops.plan.staleness import staleness

OUTAGE = "invoke down, then invoke up (an outage: it has one container)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A service of which some running replicas would not be started like that now, and the command that applies it."""

    service: str
    why: str
    stale: int
    running: int
    command: str

    @property
    def text(self) -> str:
        """The difference as a sentence."""
        share = f" in {self.stale} of {self.running} replicas" if self.running > 1 else ""
        return f"{self.service}: {self.why}{share}; apply it with: {self.command}"

    @property
    def mixed(self) -> str:
        """The difference as a sentence about new replicas beside those that differ."""
        return (
            f"{self.service}: new replicas run beside {self.stale} of {self.running} that differ: {self.why};"
            f" bring all to one version with: {self.command}"
        )


def differences(
    stack: Stack, state: State, inputs: ObservedInputs, leaving: Container[str] = frozenset()
) -> tuple[Difference, ...]:
    """Return what of a stack runs otherwise than it would be started now; jobs and `leaving` (ids) left out."""
    names = [name for name in stack.services if name not in stack.jobs]
    stale = staleness(stack, state, names, inputs)
    found = []
    for name in names:
        running = [replica for replica in state.running(name) if replica.id not in leaving]
        differing = [stale[replica.id] for replica in running if replica.id in stale]
        if differing:
            why = "; ".join(dict.fromkeys(item.why for item in differing))
            in_place = name == stack.balancer and all(item.only_configuration for item in differing)
            if in_place or name in stack.scalable:
                command = f"invoke deploy {name}"
            else:
                command = _anew(running) if stack.services[name].optional else OUTAGE
            found.append(Difference(name, why, len(differing), len(running), command))
    return tuple(found)


def _anew(running: Iterable[Replica]) -> str:
    """Return how the one container of a service is made anew that no other service needs."""
    names = " ".join(replica.name for replica in running)
    return f"docker stop {names} && docker rm {names} && invoke up (no other service needs it)"
