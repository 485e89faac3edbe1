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
    """A kind of writes."""

    name: str
    safe: bool = False  # its acknowledgement promises that a fail-over keeps the write (as with WAIT)
    pinned: bool = False  # its writers stay with the initial master, as clients on its side of a partition do
    service: bool = False  # it goes through the services
    repeats: bool = False  # it is retried until it is acknowledged, so that it may be stored twice


@dataclass(frozen=True, slots=True)
class Write:
    """One write with an id of its own."""

    id: str
    kind: str  # name of its `WriteKind`
    began: float  # the first try
    ended: float  # when its outcome was known
    outcome: WriteOutcome
    node: str = ""  # the server that received it; "" where none did, or where a service stands between
    error: str = ""  # why it was not acknowledged, in a word or two

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
    """A server's answer to ROLE that differs from its last one."""

    at: float
    node: str
    role: str  # master, replica; "" where it did not answer
    master: str = ""  # host of its master
    linked: bool = False  # it is connected to its master and has all data


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a fault measured."""

    text: str = ""  # the value, or why the evidence does not hold
    holds: bool | None = None  # whether the evidence holds; None for a value that proves nothing

    def __str__(self) -> str:
        """Return it for people."""
        if self.holds is None:
            return self.text
        return ("yes" if self.holds else "no") + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of a fault."""

    fault: Fault
    number: int
    master: str  # name of the initial one
    hosts: Mapping[str, str]  # host of a server -> its name
    replicas: int
    started_at: float  # the load
    injected_at: float  # the fault was about to be injected
    healing_at: float  # it was about to be healed
    converged_at: float  # the group was healthy again
    kinds: tuple[WriteKind, ...]
    writes: tuple[Write, ...]
    events: tuple[SentinelEvent, ...]
    roles: tuple[RoleChange, ...]
    present: Mapping[str, int]  # id of a write -> how many times it was found afterwards, of those that were looked up
    facts: Mapping[str, Fact] = field(default_factory=dict)
