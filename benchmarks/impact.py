"""Impact of a change on its clients: failures, latencies before, during and after, gaps, and counts per second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor

from benchmarks.chat import SERVED_BY
from benchmarks.mix import Kind
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.reports.measurement import percentile
from optimus_ops.reports.pictures import Series

FAILURES_KEPT = 20
PHASES = ("before", "during", "after")


@dataclass(frozen=True)
class ChangeWindow:
    """When command and clients began and ended, in seconds on their clock, and the hostnames of the last replicas."""

    began: float
    ended: float
    stopped: float
    replicas: Collection[str]


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
        return cls(len(seconds), *(round(1e3 * percentile(seconds, percent), 2) for percent in (50, 99)))


@dataclass(frozen=True)
class Impact:
    """What the clients had of one change; times in seconds from its beginning.

    Args:
        slow: number of requests that took long on purpose.
        failures: outcome -> number; without cut streams.
        cut: streams that began and did not end as streams do.
        latencies: phase -> those of the quick POSTs.
        settled: when every replica of the end had answered, and no other one answered any more.
    """

    requests: int
    slow: int
    failures: Mapping[str, int]
    cut: int
    latencies: Mapping[str, Latency]
    seconds: float
    first_failures: Sequence[str]
    settled: float
    gap: float
    series: Series

    @property
    def failed(self) -> int:
        """Requests that failed otherwise than as a cut stream."""
        return sum(self.failures.values())

    @property
    def lost(self) -> int:
        """Everything that went wrong."""
        return self.failed + self.cut


def measure_impact(results: Sequence[RequestResult], window: ChangeWindow) -> Impact:
    """Put together what the clients had of a change."""
    kinds = Counter(Kind(result.kind) for result in results)
    failed = [result for result in results if result.error]
    outcomes = Counter(map(outcome_of, failed))
    cut = outcomes.pop("cut stream", 0)
    settled = settled_at(results, window)
    return Impact(
        requests=len(results),
        slow=sum(count for kind, count in kinds.items() if kind.slow),
        failures=dict(sorted(outcomes.items())),
        cut=cut,
        latencies=latencies(results, window.began, max(window.ended, settled)),
        seconds=window.ended - window.began,
        first_failures=[failure_text(result, window.began) for result in failed[:FAILURES_KEPT]],
        settled=settled - window.began,
        gap=longest_gap((result.ended for result in results if not result.error), window.began, window.stopped),
        series=per_second(results, window),
    )


def outcome_of(result: RequestResult) -> str:
    """Return a failure's name; a stream that began is cut."""
    cut = result.error is ErrorKind.TRUNCATED and Kind(result.kind).streams
    return "cut stream" if cut else result.outcome


def failure_text(result: RequestResult, began: float) -> str:
    """Return a failure in a line, its times from the beginning of the change."""
    times = f"from {result.started - began:.3f} s to {result.ended - began:.3f} s"
    return f"{result.kind}: {outcome_of(result)} of {result.headers.get(SERVED_BY, '?')}, {times}"


def settled_at(results: Iterable[RequestResult], window: ChangeWindow) -> float:
    """Return the time from which on exactly the replicas of the end answered; the beginning at least."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for result in results:
        host = result.headers.get(SERVED_BY, "")
        if host and not result.error:
            first[host] = min(first.get(host, result.ended), result.ended)
            last[host] = max(last.get(host, result.ended), result.ended)
    came = [time for host, time in first.items() if host in window.replicas]
    went = [time for host, time in last.items() if host not in window.replicas]
    return max([window.began, *came, *went])


def latencies(results: Iterable[RequestResult], began: float, ended: float) -> dict[str, Latency]:
    """Return phase -> latencies of the quick POSTs with good answers; what touches the change is `during`."""
    found: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for result in results:
        kind = Kind(result.kind)
        if not result.error and kind.posts and not kind.slow:
            phase = "before" if result.ended < began else "after" if result.started > ended else "during"
            found[phase].append(result.latency)
    return {phase: Latency.of(seconds) for phase, seconds in found.items()}


def longest_gap(times: Iterable[float], began: float, ended: float) -> float:
    """Return the longest time between two neighbours of sorted times, the two ends included."""
    within = sorted(time for time in times if began < time < ended)
    return max(after - before for before, after in pairwise([began, *within, ended]))


def per_second(results: Sequence[RequestResult], window: ChangeWindow) -> Series:
    """Count each whole second from the first answer until the clients were stopped; 0 begins with the change.

    A failure outside of them counts in the nearest one: none is missing. Good answers that were on their way when the
    clients stopped are left out: those seconds are not like the others.
    """
    seconds = [floor(result.ended - window.began) for result in results]
    first = min([0, *(second + 1 for second in seconds)])
    last = max(floor(window.stopped - window.began) - 1, 0)
    good: Counter[int] = Counter()
    bad: Counter[int] = Counter()
    for second, result in zip(seconds, results, strict=True):
        if result.error:
            bad[min(max(second, first), last)] += 1
        else:
            good[second] += 1
    there = range(first, last + 1)
    return Series("", first, 1, tuple(good[at] for at in there), tuple(bad[at] for at in there))
