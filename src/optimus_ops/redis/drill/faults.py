"""The faults: how each is injected, what it must and must not lead to, and its objectives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from optimus_ops.errors import Refused
from optimus_ops.redis.drill import injections
from optimus_ops.redis.drill.fault_context import FaultContext

Losses = Literal["none", "bounded", "some"]
"""Of acknowledged plain writes: none may be lost, some may within a bound, or some must (the negative control)."""
NO_ELECTION = (0, 0)
AT_MOST_ONE = (0, 1)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault."""

    name: str
    summary: str
    inject: Callable[[FaultContext], None]
    settings: Mapping[str, str] = field(default_factory=dict)  # of all servers, for its duration
    elections: tuple[int, int] | None = (1, 1)  # fewest and most; None where their number proves nothing
    changes: bool | None = True  # another server is master afterwards; None where either is fine
    paralysed: bool = False  # no election may happen until it is healed
    hold: float = 0.0  # seconds for which it lasts at least
    seconds: float = 7.5  # that a run takes, about
    losses: Losses = "bounded"
    pinned_writers: bool = False  # there are writers that stay with the initial master
    root: bool = False  # it needs root on the engine's host, for the network or the disk of a container
    evidence: tuple[str, ...] = ()  # names of the facts that have to hold
    objectives: Mapping[int, float] = field(default_factory=dict)  # percentile of the outage -> seconds to stay under
    enough_runs: int | None = None  # that suffice, whatever the number asked for
    serves: bool = False  # requests to the services must all succeed for callers that wait for a fail-over

    def runs(self, requested: int) -> int:
        """Return how many runs are made."""
        return requested if self.enough_runs is None else min(requested, self.enough_runs)


KILL = Fault(
    "kill",
    "SIGKILL of the master",
    lambda context: context.inject(context.injector.kill),
    objectives={50: 2.0, 95: 3.0},
    serves=True,
)
PAUSE = Fault(
    "pause",
    "the master is paused until it was replaced",
    lambda context: context.inject(context.injector.pause),
    seconds=8.5,
    objectives={50: 3.0},
    serves=True,
)
PAUSE_SHORT = Fault(
    "pause-short",
    "the master is paused for less than down-after",
    partial(injections.pause_for, of_down_after=injections.SHORTER_THAN_DOWN_AFTER),
    elections=NO_ELECTION,
    changes=False,
    seconds=4.0,
    losses="none",
    serves=True,
)
STALL = Fault(
    "stall",
    "the master is paused for twice down-after: it is back in the midst of the fail-over, if there is one",
    partial(injections.pause_for, of_down_after=injections.LONGER_THAN_DOWN_AFTER),
    elections=AT_MOST_ONE,
    changes=None,
    hold=3.0,
    seconds=8.0,
)
DISCONNECT = Fault(
    "disconnect",
    "the master loses its network",
    lambda context: context.inject(context.injector.disconnect),
    seconds=9.0,
    serves=True,
)
PARTITION = Fault(
    "partition",
    "the master is cut off from replicas and sentinels, not from some clients",
    injections.cut_off,
    hold=4.5,
    seconds=11.5,
    pinned_writers=True,
    root=True,
)
SENTINEL = Fault(
    "sentinel",
    "SIGKILL of the master and of one sentinel",
    partial(injections.kill_with_sentinels, count=1),
    seconds=9.0,
    serves=True,
)
SENTINELS = Fault(
    "sentinels",
    "SIGKILL of the master and of two sentinels: nobody may decide",
    partial(injections.kill_with_sentinels, count=2),
    elections=None,
    changes=None,
    paralysed=True,
    hold=4.0,
    seconds=11.0,
)
RESTART = Fault(
    "restart",
    "SIGKILL of the master, started again at once",
    lambda context: context.inject(context.injector.restart),
    elections=AT_MOST_ONE,
    changes=None,
    hold=2.0,
    seconds=8.5,
)
EMPTY = Fault(
    "empty",
    "SIGKILL of the master, started again at once with an empty volume",
    injections.restart_empty,
    seconds=8.5,
    evidence=("was never an empty master",),
    serves=True,
)
STOP = Fault(
    "stop",
    "everything is stopped and started",
    lambda context: context.inject(context.injector.stop, *context.group.nodes.values()),
    elections=None,
    changes=None,
    hold=1.0,
    seconds=13.0,
)
DISK = Fault(
    "disk",
    "the disk of the master's append-only file is full",
    injections.fill_disk,
    seconds=11.0,
    root=True,
    serves=True,
)
SLOW = Fault(
    "slow",
    "a replica falls behind before SIGKILL of the master: the other one has to win",
    injections.leave_one_behind,
    seconds=9.0,
    root=True,
    evidence=("the replica ahead won",),
    serves=True,
)
PLANNED = Fault(
    "planned",
    "a planned fail-over, as invoke redis.failover does it",
    lambda context: context.fail_over(),
    seconds=8.0,
    losses="none",
    objectives={50: 1.0},
    serves=True,
)
CONTROL = Fault(
    "control",
    "negative control: a partition while nothing forbids a lone master to take writes",
    injections.cut_off,
    settings={"min-replicas-to-write": "0"},
    hold=4.5,
    seconds=11.5,
    losses="some",
    enough_runs=5,
    pinned_writers=True,
    root=True,
)
FAULTS = (
    *(KILL, PAUSE, PAUSE_SHORT, STALL, DISCONNECT, PARTITION, SENTINEL, SENTINELS),
    *(RESTART, EMPTY, STOP, DISK, SLOW, PLANNED, CONTROL),
)


def choose_faults(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return the named faults (a name may be a list with commas) in the order of the catalogue, or all of them."""
    known = {fault.name for fault in FAULTS}
    chosen = [part.strip() for name in names for part in name.split(",") if part.strip()]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        listed = "\n    ".join(f"{fault.name:<12} {fault.summary}" for fault in FAULTS)
        raise Refused(f"no fault is called {', '.join(unknown)}", f"there are:\n    {listed}")
    return tuple(fault for fault in FAULTS if not chosen or fault.name in chosen)
