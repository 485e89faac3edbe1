"""What is said of a trace around its waterfall: a headline before it, remarks behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from optimus_ops.text.units import counted
from optimus_ops.traces import words
from optimus_ops.traces.gaps import Gap
from optimus_ops.traces.model import Trace
from optimus_ops.traces.timeline import Timeline, backwards, unended

MOST_OF_PATH = 4


def headline(timeline: Timeline) -> str:
    """Return when, how long, how many, and how many failed."""
    trace = timeline.trace
    failed = sum(span.failed for span in trace.spans)
    facts = (
        words.moment(timeline.begin_ns),
        words.duration(timeline.duration_ns),
        counted(len(trace.spans), "span"),
        counted(len(trace.services), "service"),
        f"{failed} failed" if failed else "",
    )
    return " · ".join(filter(None, facts))


def path_text(timeline: Timeline, critical: Mapping[int, tuple[tuple[int, int], ...]]) -> str:
    """Return on which spans the end of the trace waited longest; "" where nothing took any time."""
    shares: Counter[tuple[str, str]] = Counter()
    for span in timeline.trace.spans:
        own = sum(end - start for start, end in critical.get(id(span), ()))
        if own:
            shares[words.service(span), words.name(span)] += own
    whole = max(timeline.duration_ns, 1)
    parts = [
        f"{name} ({service}) {words.duration(own)}, {own / whole:.0%}"
        for (service, name), own in shares.most_common(MOST_OF_PATH)
    ]
    return "; ".join(parts)


def gap_text(gap: Gap) -> str:
    """Return what lies between two spans."""
    between = f"{words.duration(gap.duration_ns)} between {words.name(gap.before)} and {words.name(gap.after)}"
    match gap.cause:
        case "queue":
            return f"{between}: waited in the queue"
        case "hand-over":
            return f"{between}: on the way to {words.service(gap.after)} and back (balancer, network, waiting)"
    return f"{between}: no span tells of it"


def remarks(timeline: Timeline) -> Iterator[str]:
    """Give what is not as it should be."""
    trace = timeline.trace
    if not trace.roots:
        yield "it has no root: the span that began it is not stored (yet), or was not sampled"
    if trace.orphans:
        orphans = counted(len(trace.orphans), "span")
        yield f"{orphans} without their parents: what lies between is not stored (yet), or was lost"
    if trace.circular:
        yield f"{counted(len(trace.circular), 'circle')} of parents, cut where the earliest span is"
    if count := sum(map(unended, trace.spans)):
        yield f"{counted(count, 'span')} without an end"
    if count := sum(map(backwards, trace.spans)):
        yield f"{counted(count, 'span')} ended before they started"
    yield from _clocks(timeline)
    yield from _stored(trace)


def _clocks(timeline: Timeline) -> Iterator[str]:
    """Give the services whose clocks differ, by how much at most."""
    found: dict[str, int] = {}
    for span in timeline.trace.spans:
        if shift := timeline.shift(span):
            found[words.service(span)] = max(found.get(words.service(span), 0), shift, key=abs)
    for service, shift in found.items():
        differs = f"{words.duration(abs(shift))} {'behind' if shift > 0 else 'ahead'}"
        yield f"the clock of {service} is {differs}: its spans are shown where they can have been"


def _stored(trace: Trace) -> Iterator[str]:
    if trace.cut:
        yield f"the store gives no more than {counted(len(trace.spans), 'span')} of a trace: there may be others"
    if trace.duplicates:
        yield f"{counted(trace.duplicates, 'span')} stored more than once"
    if trace.foreign:
        yield f"{counted(trace.foreign, 'span')} of other traces were in the answer, and are left out"
