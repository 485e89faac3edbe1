"""What one run of a fault recorded, as values. Every time is in seconds of one monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    # Faults are injected into what makes a recording.
    from optimus_ops.redis.drill.faults import Fault

WriteOutcome = Literal["acknowledged", "indeterminate", "rejected"]
WRITE_OUTCOMES: tuple[WriteOutcome, ...] = ("acknowledged", "indeterminate", "rejected")
"""Indeterminate: the writer can't know whether the write was applied. Rejected: it certainly was not."""


@dataclass(frozen=True, slots=True)
class WriteKind:
    """A kind of writes.

    Args:
        safe: whether its acknowledgement promises that a fail-over keeps the write (as with WAIT).
        pinned: whether its writers stay with the initial master, as clients on its side of a partition do.
        service: whether it goes through the services.
        repeats: whether it is retried until it is acknowledged, so that it may be stored twice.
    """

    name: str
    safe: bool = False
    pinned: bool = False
    service: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One write with an id of its own.

    Args:
        kind: name of its `WriteKind`.
        began: time of the first try.
        ended: when its outcome was known.
        node: name of the server that received it; "" where none did, or where a service stands between.
        error: why it was not acknowledged, in a word or two.
    """

    id: str
    kind: str
    began: float
    ended: float
    outcome: WriteOutcome
    node: str = ""
    error: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether the writer was promised that it is stored."""
        return self.outcome == "acknowledged"


@dataclass(frozen=True, slots=True)
class SentinelEvent:
    """A message that a sentinel published: `+sdown` with the text `master mymaster 10.0.0.1 6379`."""

    at: float
    sentinel: str
    channel: str
    text: str

    @property
    def new_master_host(self) -> str:
        """The host of the new master in a `+switch-master`: NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT."""
        return self.text.split()[3]


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A server's answer to ROLE that differs from its last one.

    Args:
        node: name of the server.
        role: master, replica; "" where it did not answer.
        master: host of its master.
        linked: whether a replica is connected to its master and has all data.
    """

    at: float
    node: str
    role: str
    master: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a fault measured.

    Args:
        text: the value, or why the evidence does not hold.
        holds: whether the evidence holds; None for a value that proves nothing.
    """

    text: str = ""
    holds: bool | None = None

    def __str__(self) -> str:
        """Return it for people."""
        if self.holds is None:
            return self.text
        return ("yes" if self.holds else "no") + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of a fault.

    Args:
        master: name of the initial master.
        hosts: host of a server -> its name.
        started_at: when the load started.
        injected_at: when the fault was about to be injected.
        healing_at: when it was about to be healed.
        converged_at: when the group was healthy again.
        present: id of a write -> how many times it was found afterwards; ids that were not looked up are missing.
    """

    fault: Fault
    number: int
    master: str
    hosts: Mapping[str, str]
    replicas: int
    started_at: float
    injected_at: float
    healing_at: float
    converged_at: float
    kinds: tuple[WriteKind, ...]
    writes: tuple[Write, ...]
    events: tuple[SentinelEvent, ...]
    roles: tuple[RoleChange, ...]
    present: Mapping[str, int]
    facts: Mapping[str, Fact] = field(default_factory=dict)
