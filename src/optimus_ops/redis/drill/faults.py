"""The faults: what each does, what it must and must not lead to, and what is to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from optimus_ops.errors import Refused

Losses = Literal["none", "bounded", "some"]
"""Of acknowledged plain writes: none may be lost, some may within a bound, or some must (the negative control)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        name: what it is called.
        summary: what is done, in a few words.
        elections: the fewest and the most elections until the group is whole again; None where that says nothing, as
            while sentinels start sooner than servers.
        changes: whether another server is master afterwards; None where either is fine.
        paralysed: whether no election may happen until it is healed.
        hold: seconds for which it lasts at least.
        seconds: how long a run takes, about.
        losses: see `Losses`.
        near: whether there are writers that stay with the old master.
        root: whether it needs root on the engine's host, for the network or the disk of a container.
        evidence: what it has to show: name of a fact -> what that fact has to be.
        targets: figure of the plain and waiting writers' outage -> seconds to stay under (p50, p95).
        enough: runs that are enough, however many are wanted; None for no such number.
        serves: whether requests through the services must all succeed for callers with patience for a fail-over.
    """

    name: str
    summary: str
    elections: tuple[int, int] | None = (1, 1)
    changes: bool | None = True
    paralysed: bool = False
    hold: float = 0.0
    seconds: float = 7.5
    losses: Losses = "bounded"
    near: bool = False
    root: bool = False
    evidence: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    enough: int | None = None
    serves: bool = False

    def runs(self, wanted: int) -> int:
        """Return how many runs are made where so many are wanted."""
        return wanted if self.enough is None else min(wanted, self.enough)


CONTROL = "control"
NO_ELECTION = (0, 0)

FAULTS: tuple[Fault, ...] = (
    Fault("kill", "SIGKILL of the master", targets={"p50": 2.0, "p95": 3.0}, serves=True),
    Fault("pause", "the master is paused until it was replaced", seconds=8.5, targets={"p50": 3.0}, serves=True),
    Fault(
        "pause-short",
        "the master is paused for less than down-after",
        elections=NO_ELECTION,
        changes=False,
        seconds=4.0,
        losses="none",
        serves=True,
    ),
    Fault(
        "stall",
        "the master is paused for twice down-after: it is back in the midst of the fail-over, if there is one",
        elections=(0, 1),
        changes=None,
        hold=3.0,
        seconds=8.0,
    ),
    Fault("disconnect", "the master loses its network", seconds=9.0, serves=True),
    Fault(
        "partition",
        "the master is cut off from replicas and sentinels, not from some clients",
        hold=4.5,
        seconds=11.5,
        near=True,
        root=True,
    ),
    Fault("sentinel", "SIGKILL of the master and of one sentinel", seconds=9.0, serves=True),
    Fault(
        "sentinels",
        "SIGKILL of the master and of two sentinels: nobody may decide",
        elections=None,
        changes=None,
        paralysed=True,
        hold=4.0,
        seconds=11.0,
    ),
    Fault(
        "restart", "SIGKILL of the master, started again at once", elections=(0, 1), changes=None, hold=2.0, seconds=8.5
    ),
    Fault(
        "empty",
        "SIGKILL of the master, started again at once with an empty volume",
        seconds=8.5,
        evidence={"was never an empty master": "yes"},
        serves=True,
    ),
    Fault("stop", "everything is stopped and started", elections=None, changes=None, hold=1.0, seconds=13.0),
    Fault("disk", "the disk of the master's append-only file is full", seconds=11.0, root=True, serves=True),
    Fault(
        "slow",
        "a replica falls behind before SIGKILL of the master: the other one has to win",
        seconds=9.0,
        root=True,
        evidence={"the replica ahead won": "yes"},
        serves=True,
    ),
    Fault(
        "planned",
        "a planned fail-over, as invoke redis.failover does it",
        seconds=8.0,
        losses="none",
        targets={"p50": 1.0},
        serves=True,
    ),
    Fault(
        CONTROL,
        "negative control: a partition while nothing forbids a lone master to take writes",
        hold=4.5,
        seconds=11.5,
        losses="some",
        enough=5,
        near=True,
        root=True,
    ),
)


def chosen_faults(names: tuple[str, ...]) -> tuple[Fault, ...]:
    """Return the faults of some names, in the order of the catalogue; all of them if none is named.

    Raises:
        Refused: there is no fault of a name.
    """
    known = {fault.name: fault for fault in FAULTS}
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        listed = "\n    ".join(f"{fault.name:<12} {fault.summary}" for fault in FAULTS)
        raise Refused(f"no fault is called {', '.join(unknown)}", f"there are:\n    {listed}")
    return tuple(fault for fault in FAULTS if not wanted or fault.name in wanted)
