"""A run as a picture needs it: what happened when, and how many writes went through meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.write_stats import per_slot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.drill.record import Recording, RoleSeen

SLOT_SECONDS = 0.1
BEFORE_SECONDS = 1.0
"""Of the load before the fault, so much is shown."""

SHOWN = ("+sdown", "+odown", "+try-failover", "+elected-leader", "+switch-master", "+convert-to-slave")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened.

    Args:
        at: seconds after the fault.
        who: a sentinel or a server; "" for the drill itself.
        what: a sentinel's channel, or a word.
    """

    at: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run on its own clock: 0 is the fault.

    Args:
        began: seconds before the fault where it begins (negative).
        ended: where it ends.
        slots: `followers` and `near` -> (acknowledged, not acknowledged) per slot of `SLOT_SECONDS`.
        happenings: in the order of time.
    """

    began: float
    ended: float
    slots: Mapping[str, tuple[tuple[int, int], ...]]
    happenings: tuple[Happening, ...]


def timeline(recording: Recording, whole: float) -> Timeline:
    """Return a run's timeline.

    Args:
        recording: of the run.
        whole: when the group was whole again.
    """
    struck = recording.marks.struck
    began, ended = struck - BEFORE_SECONDS, whole + SLOT_SECONDS
    near = {kind.name for kind in recording.kinds if kind.near}
    groups = {"followers": [write for write in recording.writes if write.kind not in near]}
    if near:
        groups["near"] = [write for write in recording.writes if write.kind in near]
    return Timeline(
        began=-BEFORE_SECONDS,
        ended=ended - struck,
        slots={name: per_slot(writes, began, ended, SLOT_SECONDS) for name, writes in groups.items()},
        happenings=tuple(one for one in _happenings(recording) if -BEFORE_SECONDS <= one.at <= ended - struck),
    )


def _happenings(recording: Recording) -> list[Happening]:
    marks = recording.marks
    found = [Happening(0.0, "", "fault"), Happening(marks.healing - marks.struck, "", "healing")]
    if marks.converged is not None:
        found.append(Happening(marks.converged - marks.struck, "", "whole"))
    found += [
        Happening(event.at - marks.struck, event.sentinel, event.channel)
        for event in recording.events
        if event.channel in SHOWN and (event.channel != "+sdown" or event.text.startswith("master "))
    ]
    found += [Happening(seen.at - marks.struck, seen.node, "is master") for seen in _new_masters(recording)]
    return sorted(found, key=lambda one: one.at)


def _new_masters(recording: Recording) -> Iterator[RoleSeen]:
    """Give each time that another server than the last master was one."""
    last = recording.master
    for seen in recording.roles:
        if seen.role == "master" and seen.node != last:
            last = seen.node
            yield seen
