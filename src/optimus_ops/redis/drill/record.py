"""What one run of a fault left on record, as values. Every time is in seconds of one monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["acknowledged", "indeterminate", "rejected"]
OUTCOMES: tuple[Outcome, ...] = ("acknowledged", "indeterminate", "rejected")
"""Indeterminate: the writer can't know whether it was taken. Rejected: it was not, for certain."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write with an id of its own.

    Args:
        id: unique in the whole drill.
        kind: of which load it is, see `Kind`.
        began: when it was first tried.
        ended: when its outcome was known.
        outcome: see `Outcome`.
        node: name of the server that it went to; "" where it reached none, or where a service stands between.
        error: why it was not acknowledged, in a word or two.
        tries: how many times it was sent.
    """

    id: str
    kind: str
    began: float
    ended: float
    outcome: Outcome
    node: str = ""
    error: str = ""
    tries: int = 1

    @property
    def acknowledged(self) -> bool:
        """Whether the writer was told that it is kept."""
        return self.outcome == "acknowledged"


@dataclass(frozen=True, slots=True)
class Kind:
    """A load of writes.

    Args:
        name: what it is called.
        safe: whether its acknowledgement promises that a fail-over keeps it (WAIT, or a service that sees to it).
        near: whether its writers stay with the master of the beginning, as clients on its side of a partition do.
        service: whether it goes through the services.
        repeats: whether it is sent again until it is acknowledged, so that it may be there twice.
    """

    name: str
    safe: bool = False
    near: bool = False
    service: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class SentinelEvent:
    """What a sentinel published.

    Args:
        at: when it was received.
        sentinel: name of the sentinel.
        channel: its name (`+sdown`).
        text: what it said (`master mymaster 10.0.0.1 6379`).
    """

    at: float
    sentinel: str
    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class RoleSeen:
    """What a server said of itself, when that was something new.

    Args:
        at: when.
        node: name of the server.
        role: master, replica; "" where it did not answer.
        master: host of its master.
        linked: whether a replica follows its master, with all data.
    """

    at: float
    node: str
    role: str
    master: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """When what happened in a run.

    Args:
        began: the load began.
        struck: the fault was about to be made.
        healing: it was about to be healed.
        healed: everything that was broken was told to go on.
        converged: the topology was whole again; None if it was not in time.
    """

    began: float
    struck: float
    healing: float
    healed: float
    converged: float | None


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of a fault.

    Args:
        fault: its name.
        number: the number of the run, from 1.
        master: name of the server that was master before.
        hosts: host of a server -> its name.
        replicas: how many replicas there are.
        marks: when what happened.
        kinds: the loads.
        writes: every write.
        events: what the sentinels published.
        roles: what the servers said of themselves.
        present: id of a write -> how many times it was there afterwards. Ids that were not looked for are missing.
        facts: what this fault has to show beyond that, as `evidence` of it names them.
    """

    fault: str
    number: int
    master: str
    hosts: Mapping[str, str]
    replicas: int
    marks: Marks
    kinds: tuple[Kind, ...]
    writes: tuple[Write, ...]
    events: tuple[SentinelEvent, ...]
    roles: tuple[RoleSeen, ...]
    present: Mapping[str, int]
    facts: Mapping[str, str] = field(default_factory=dict)
