"""The timeline of a run: what happened when, and how many writes were acknowledged meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from optimus_ops.redis.drill.failover_timeline import is_of_master
from optimus_ops.redis.drill.record import Recording
from optimus_ops.redis.drill.write_stats import per_slot
from optimus_ops.reports.pictures import Event, Mark, Series, Shape, Timeline
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
PHASES: Mapping[str, tuple[str, Tone]] = {
    "fault": ("fault", "bad"),
    "healing": ("healed", "soft"),
    "whole": ("healthy", "good"),
}


def run_timeline(recording: Recording) -> Timeline:
    """Return the timeline of a run, in seconds after the fault."""
    injected_at, ended = recording.injected_at, recording.converged_at + SLOT_SECONDS
    pinned = {kind.name for kind in recording.kinds if kind.pinned}
    writes = {
        "followers": [write for write in recording.writes if write.kind not in pinned],
        "near": [write for write in recording.writes if write.kind in pinned],
    }
    slots = {
        name: per_slot(found, injected_at - BEFORE_SECONDS, ended, SLOT_SECONDS)
        for name, found in writes.items()
        if name == "followers" or pinned
    }
    phases = {"fault": injected_at, "healing": recording.healing_at, "whole": recording.converged_at}
    return Timeline(
        title=f"{recording.fault.name}, run {recording.number}: {recording.fault.summary}",
        start=-BEFORE_SECONDS,
        end=ended - injected_at,
        series=tuple(
            Series(SERIES[name], -BEFORE_SECONDS, SLOT_SECONDS, *zip(*counts, strict=True))
            for name, counts in slots.items()
        ),
        marks=tuple(
            Mark(at - injected_at, lane, *MARKS[channel], "accent" if "master" in channel else "mark")
            for at, lane, channel in sorted(_marks(recording))
            if injected_at - BEFORE_SECONDS <= at <= ended
        ),
        events=tuple(Event(at - injected_at, *PHASES[name]) for name, at in phases.items()),
        legend=("acknowledged per 100 ms", "not acknowledged"),
    )


def _marks(recording: Recording) -> Iterator[tuple[float, str, str]]:
    """Yield time, sentinel or server, and channel or key of `MARKS`."""
    for event in recording.events:
        if event.channel in MARKS and (event.channel != "+sdown" or is_of_master(event)):
            yield event.at, event.sentinel, event.channel
    master = recording.master
    for role in recording.roles:
        if role.role == "master" and role.node != master:
            master = role.node
            yield role.at, role.node, "is master"


def timeline_json(timeline: Timeline) -> dict[str, Any]:
    """Return a run's timeline for programs, with the sentinels' own names of events."""
    series = {text: name for name, text in SERIES.items()}
    names = {text: name for name, (text, _) in (*MARKS.items(), *PHASES.items())}
    happenings = [
        *({"at": event.at, "who": "", "what": names[event.label]} for event in timeline.events),
        *({"at": mark.at, "who": mark.lane, "what": names[mark.label]} for mark in timeline.marks),
    ]
    return {
        "began": timeline.start,
        "ended": timeline.end,
        "slots": {series[found.name]: list(zip(found.good, found.bad, strict=True)) for found in timeline.series},
        "happenings": sorted(happenings, key=itemgetter("at")),
    }
