"""What the clients saw of one change: counts, latencies before, during and after, gaps, and a row of seconds. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING, Any

from benchmarks.figures import quantile
from benchmarks.http_client import CUT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from benchmarks.clients import Fate

MOST_LOST_ONES = 20
PHASES = ("before", "during", "after")


@dataclass(frozen=True)
class Window:
    """When the change was, on the clients' clock, in seconds.

    Args:
        began: the command was started.
        ended: it returned.
        stopped: the clients were told to ask nothing more.
        there: hostnames of the replicas that ran when all was over.
    """

    began: float
    ended: float
    stopped: float
    there: Collection[str]


@dataclass(frozen=True)
class Latency:
    """Latencies of the quick requests of a phase, in milliseconds; None where there were none."""

    count: int
    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Make it of samples."""
        if not seconds:
            return cls(0, None, None)
        return cls(len(seconds), *(round(1e3 * quantile(seconds, share), 2) for share in (0.5, 0.99)))


@dataclass(frozen=True)
class Second:
    """One second on the clock of the change: 0 is the one that begins with it.

    Args:
        at: its number, below 0 before the change.
        answered: good answers that ended in it.
        failed: requests that failed in it, cut streams too.
    """

    at: int
    answered: int
    failed: int


@dataclass(frozen=True)
class Seen:
    """What the clients saw of one change.

    Args:
        requests: how many were asked, and came to an end.
        posts: those of them that were POSTs.
        slow: those of them that took long on purpose.
        streams: those of them that streamed.
        failures: what happened -> how often; cut streams are not in it.
        cut: streams that began and did not end as streams do.
        latencies: phase -> those of the quick POSTs.
        seconds: that the command took.
        lost_ones: what was asked, what happened and when, of the first few that were lost, for who looks into it.
        settled: seconds from the beginning until every replica that was to be there had answered, and none that was to
            go answered any more.
        gap: the longest time without a good answer, in seconds, from the beginning of the change.
        series: second by second.
    """

    requests: int
    posts: int
    slow: int
    streams: int
    failures: Mapping[str, int]
    cut: int
    latencies: Mapping[str, Latency]
    seconds: float
    lost_ones: Sequence[Mapping[str, Any]]
    settled: float
    gap: float
    series: Sequence[Second]

    @property
    def failed(self) -> int:
        """Return how many requests failed otherwise than as a cut stream."""
        return sum(self.failures.values())

    @property
    def lost(self) -> int:
        """Return everything that went wrong."""
        return self.failed + self.cut


def seen(fates: Sequence[Fate], window: Window) -> Seen:
    """Put together what the clients saw."""
    wrong = Counter(fate.failure for fate in fates if not fate.good)
    settled = settled_at(fates, window)
    return Seen(
        requests=len(fates),
        posts=sum(fate.kind.posts for fate in fates),
        slow=sum(fate.kind.slow for fate in fates),
        streams=sum(fate.kind.streams for fate in fates),
        failures=dict(sorted((word, count) for word, count in wrong.items() if word != CUT)),
        cut=wrong[CUT],
        latencies=latencies(fates, window.began, max(window.ended, settled)),
        seconds=window.ended - window.began,
        lost_ones=[told(fate, window.began) for fate in fates if not fate.good][:MOST_LOST_ONES],
        settled=settled - window.began,
        gap=longest_gap((fate.ended for fate in fates if fate.good), window.began, window.stopped),
        series=series(fates, window),
    )


def told(fate: Fate, began: float) -> dict[str, Any]:
    """Return a lost request for the JSON file, its seconds from the beginning of the change."""
    times = {"asked": round(fate.began - began, 3), "lost": round(fate.ended - began, 3)}
    return {"kind": fate.kind.value, "failure": fate.failure, **times, "served_by": fate.served_by}


def settled_at(fates: Iterable[Fate], window: Window) -> float:
    """Return the moment from which on exactly the replicas that were to be there answered; the beginning at least."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for fate in fates:
        if fate.good and fate.served_by:
            first[fate.served_by] = min(first.get(fate.served_by, fate.ended), fate.ended)
            last[fate.served_by] = max(last.get(fate.served_by, fate.ended), fate.ended)
    came = [moment for host, moment in first.items() if host in window.there]
    went = [moment for host, moment in last.items() if host not in window.there]
    return max([window.began, *came, *went])


def latencies(fates: Iterable[Fate], began: float, ended: float) -> dict[str, Latency]:
    """Return phase -> latencies of the quick POSTs with good answers; what touches the change is `during`."""
    found: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for fate in fates:
        if fate.good and fate.kind.posts and not fate.kind.slow:
            phase = "before" if fate.ended < began else "after" if fate.began > ended else "during"
            found[phase].append(fate.ended - fate.began)
    return {phase: Latency.of(seconds) for phase, seconds in found.items()}


def longest_gap(moments: Iterable[float], began: float, ended: float) -> float:
    """Return the longest time between two moments that are next to each other, the two ends counted as moments."""
    within = sorted(moment for moment in moments if began < moment < ended)
    return max(after - before for before, after in pairwise([began, *within, ended]))


def series(fates: Sequence[Fate], window: Window) -> list[Second]:
    """Return each whole second from the first answer until the clients were told to stop, empty ones too.

    A failure outside of them counts in the nearest one: none is missing. Good answers that were on their way when the
    clients stopped are left out: those seconds are not like the others.
    """
    first = min((floor(fate.ended - window.began) + 1 for fate in fates), default=0)
    last = max(floor(window.stopped - window.began) - 1, 0)
    first = min(first, 0)
    answered: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for fate in fates:
        at = floor(fate.ended - window.began)
        if fate.good:
            answered[at] += 1
        else:
            failed[min(max(at, first), last)] += 1
    return [Second(at, answered[at], failed[at]) for at in range(first, last + 1)]


def as_json(found: Seen) -> dict[str, Any]:
    """Return it for the JSON file: the series as columns."""
    return {
        "requests": found.requests,
        "posts": found.posts,
        "slow": found.slow,
        "streams": found.streams,
        "failed": dict(found.failures),
        "cut_streams": found.cut,
        "first_lost_ones": list(found.lost_ones),
        "seconds": round(found.seconds, 3),
        "seconds_until_settled": round(found.settled, 3),
        "longest_gap_seconds": round(found.gap, 3),
        "quick_milliseconds": {
            phase: {"count": latency.count, "p50": latency.p50, "p99": latency.p99}
            for phase, latency in found.latencies.items()
        },
        "series": {
            "first_second": found.series[0].at if found.series else 0,
            "answered": [second.answered for second in found.series],
            "failed": [second.failed for second in found.series],
        },
    }
