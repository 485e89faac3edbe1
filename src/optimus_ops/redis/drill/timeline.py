"""The timeline of a run: what happened when, and how many writes were acknowledged meanwhile; and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.redis.drill.failover_timeline import is_of_master
from optimus_ops.redis.drill.write_stats import per_slot
from optimus_ops.reports.pictures import Event, Mark, Series, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optimus_ops.redis.drill.record import Recording
    from optimus_ops.reports.pictures import Shape
    from optimus_ops.reports.spans import Tone

SLOT_SECONDS = 0.1
BEFORE_SECONDS = 1.0
"""How much of the load before the fault is shown."""
SERIES = {"followers": "writers that follow\nthe sentinels", "near": "writers on the old\nmaster's side"}
MARKS: Mapping[str, tuple[str, Shape]] = {
    "+sdown": ("down", "circle"),
    "+odown": ("agreed", "disc"),
    "+try-failover": ("election", "triangle"),
    "+elected-leader": ("elected", "diamond"),
    "+switch-master": ("switch", "square"),
    "+convert-to-slave": ("old master turned", "cross"),
    "is master": ("is master", "flag"),
}
"""Event -> its name in the legend, and its shape."""
LINES: Mapping[str, tuple[str, Tone]] = {
    "fault": ("fault", "bad"),
    "healing": ("healed", "soft"),
    "whole": ("healthy", "good"),
}


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of a run.

    Args:
        at: seconds after the fault.
        who: a sentinel or a server; "" for the drill itself.
        what: a sentinel's channel, or a key of `LINES`.
    """

    at: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class RunTimeline:
    """A run, in seconds after the fault.

    Args:
        began: negative.
        slots: `followers` and `near` -> (acknowledged, not acknowledged) per slot of `SLOT_SECONDS`.
    """

    began: float
    ended: float
    slots: Mapping[str, tuple[tuple[int, int], ...]]
    happenings: tuple[TimelineEvent, ...]

    def picture(self, title: str, file: str = "") -> Timeline:
        """Return the picture; `file` names a file for it."""
        return Timeline(
            title=title,
            start=self.began,
            end=self.ended,
            series=tuple(
                Series(SERIES[name], self.began, SLOT_SECONDS, *zip(*slots, strict=True))
                for name, slots in self.slots.items()
            ),
            marks=tuple(
                Mark(event.at, event.who, *MARKS[event.what], "accent" if "master" in event.what else "mark")
                for event in self.happenings
                if event.who
            ),
            events=tuple(Event(event.at, *LINES[event.what]) for event in self.happenings if not event.who),
            legend=("acknowledged per 100 ms", "not acknowledged"),
            file=file,
        )


def run_timeline(recording: Recording, converged: float) -> RunTimeline:
    """Return the timeline of a run that ended with a healthy group at `converged`."""
    injected_at = recording.injected_at
    began, ended = injected_at - BEFORE_SECONDS, converged + SLOT_SECONDS
    pinned = {kind.name for kind in recording.kinds if kind.pinned}
    groups = {"followers": [write for write in recording.writes if write.kind not in pinned]}
    if pinned:
        groups["near"] = [write for write in recording.writes if write.kind in pinned]
    events = (event for event in _events(recording) if -BEFORE_SECONDS <= event.at <= ended - injected_at)
    return RunTimeline(
        began=-BEFORE_SECONDS,
        ended=ended - injected_at,
        slots={name: per_slot(writes, began, ended, SLOT_SECONDS) for name, writes in groups.items()},
        happenings=tuple(sorted(events, key=lambda event: event.at)),
    )


def _events(recording: Recording) -> Iterator[TimelineEvent]:
    injected_at = recording.injected_at
    yield TimelineEvent(0.0, "", "fault")
    yield TimelineEvent(recording.healing_at - injected_at, "", "healing")
    if recording.converged_at is not None:
        yield TimelineEvent(recording.converged_at - injected_at, "", "whole")
    for event in recording.events:
        if event.channel in MARKS and (event.channel != "+sdown" or is_of_master(event)):
            yield TimelineEvent(event.at - injected_at, event.sentinel, event.channel)
    master = recording.master
    for role in recording.roles:
        if role.role == "master" and role.node != master:
            master = role.node
            yield TimelineEvent(role.at - injected_at, role.node, "is master")
